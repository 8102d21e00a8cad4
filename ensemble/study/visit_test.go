package study

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
)

// take takes a participant through the whole of a study.
func take(t *testing.T, b *Session, secret string) {
	t.Helper()
	click := func(c Click) {
		t.Helper()
		if _, err := b.Click(t.Context(), secret, c); err != nil {
			t.Fatal(c, err)
		}
	}
	click(Click{Op: "agree"})
	click(Click{Op: "start", Step: 1})
	for stage := 2; stage < 5; stage++ {
		looked(t, b, secret, stage)
		click(Click{Op: "pick", Step: stage, Position: 1})
		click(Click{Op: "pick", Step: stage, Position: 2})
		click(Click{Op: "reading", Step: stage, Value: "5"})
		click(Click{Op: "submit", Step: stage})
	}
}

// opened is a study with a store; the clock can be moved.
func opened(t *testing.T, change func(s *Study)) (*Session, string, *time.Time) {
	t.Helper()
	s := newStudy(t)
	change(s)
	store := filepath.Join(t.TempDir(), "votes.db")
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b, err := Open(s, store, Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, store, &clock
}

// A seat code lets one person in, whatever case and gaps it is typed with.
func TestSeats(t *testing.T) {
	b, store, clock := opened(t, func(s *Study) { s.Seats = 3 })
	join := func(seat string) error {
		_, err := b.Join(t.Context(), Visitor{Browser: "test", Seat: seat})
		return err
	}
	v, err := Read(b.Study(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	codes, err := v.Seats()
	if err != nil || len(codes) != 3 || codes[0] == codes[1] || len(codes[0]) != 6 {
		t.Fatalf("seats %q, error %v", codes, err)
	}
	for _, wrong := range []string{"", "ABCDEF", codes[0][:5]} {
		if err := join(wrong); !errors.Is(err, ErrSeat) {
			t.Errorf("seat %q: error %v", wrong, err)
		}
	}
	if err := join(" " + strings.ToLower(codes[1][:3]) + "-" + codes[1][3:]); err != nil {
		t.Error(err)
	}
	if err := join(codes[1]); !errors.Is(err, ErrSeatTaken) {
		t.Errorf("the same seat again: error %v", err)
	}
	b.Close()
	again, err := Open(b.Study(), store, Options{Now: func() time.Time { return *clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Join(t.Context(), Visitor{Seat: codes[1]}); !errors.Is(err, ErrSeatTaken) {
		t.Errorf("the same seat after a restart: error %v", err)
	}
	if _, err := again.Join(t.Context(), Visitor{Seat: codes[2]}); err != nil {
		t.Error(err)
	}
	if people, _, err := v.People(t.Context()); err != nil || len(people) != 2 || people[0].Seat != codes[1] {
		t.Errorf("people %+v, error %v", people, err)
	}
}

// Parameters of the address stay with the person and go on to where the study
// leads; others are not kept.
func TestParametersAndCompletion(t *testing.T) {
	b, _, _ := opened(t, func(s *Study) {
		s.Parameters = []string{"PROLIFIC_PID", "STUDY_ID"}
		s.Completion = "https://example.org/done?cc={code}&pid={PROLIFIC_PID}"
	})
	secret, err := b.Join(t.Context(), Visitor{Parameters: url.Values{"PROLIFIC_PID": {"a b&c\x1b"}, "utm": {"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := b.State(t.Context(), secret); err != nil || now.Next != "" || now.Done {
		t.Errorf("at the start %+v, error %v", now, err)
	}
	take(t, b, secret)
	now, err := b.State(t.Context(), secret)
	if want := "https://example.org/done?cc=" + now.Code + "&pid=a+b%26c"; err != nil || !now.Done || now.Next != want {
		t.Errorf("at the end %+v, want %s, error %v", now, want, err)
	}
	people, _, err := b.People(t.Context())
	if err != nil || len(people[0].Parameters) != 1 || people[0].Parameters["PROLIFIC_PID"] != "a b&c" || !people[0].Finished {
		t.Errorf("people %+v, error %v", people, err)
	}
	for text, want := range map[string]string{
		"parameters: [room]": "parameter", "parameters: ['a b']": "parameter", "quota: -1": "quota", "seats: -1": "seats", "completion: javascript:alert(1)": "completion",
	} {
		if _, err := Parse([]byte("title: t\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\n" + text + "\ntrials: [{name: a, space: s}]\n")); !errors.Is(err, ErrStudy) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// A quota counts who is done and who may come to be; who left makes room.
func TestQuota(t *testing.T) {
	b, _, clock := opened(t, func(s *Study) { s.Quota = 2 })
	first, err := b.Join(t.Context(), Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	take(t, b, first)
	if _, err := b.Join(t.Context(), Visitor{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Join(t.Context(), Visitor{}); !errors.Is(err, ErrQuota) {
		t.Errorf("a third of two: error %v", err)
	}
	*clock = clock.Add(ConsentTime + time.Second)
	if _, err := b.Join(t.Context(), Visitor{}); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

// Joins that come to nothing cannot keep a study full, whatever they clicked.
func TestIdleMakeRoom(t *testing.T) {
	b, _, clock := opened(t, func(*Study) {})
	first, err := b.Join(t.Context(), Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	take(t, b, first)
	second, err := b.Join(t.Context(), Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	for step, op := range []string{"agree", "start"} {
		if _, err := b.Click(t.Context(), second, Click{Op: op, Step: step}); err != nil {
			t.Fatal(err)
		}
	}
	b.ask(t.Context(), func(b *Session) (change, error) { // full, of people who are not in the store
		for len(b.participants) < MaxParticipants {
			b.participants = append(b.participants, &participant{number: 100_000 + len(b.participants), stage: 3, seen: clock.Add(time.Hour), answers: map[string]*answer{}})
		}
		return change{}, nil
	})
	if _, err := b.Join(t.Context(), Visitor{}); !errors.Is(err, ErrFull) {
		t.Errorf("in a full study: error %v", err)
	}
	*clock = clock.Add(ConsentTime + time.Second)
	if _, err := b.Join(t.Context(), Visitor{}); err != nil {
		t.Errorf("after one was idle: %v", err)
	}
	if _, err := b.State(t.Context(), second); !errors.Is(err, ErrUnknown) {
		t.Errorf("who was idle: error %v", err)
	}
	if now, err := b.State(t.Context(), first); err != nil || !now.Done {
		t.Errorf("who is done: %+v, error %v", now, err)
	}
}

// Ballots say which came from one address, and not from which; many within a
// minute are noticed.
func TestOrigins(t *testing.T) {
	b, store, clock := opened(t, func(*Study) {})
	for i := range 7 {
		secret, err := b.Join(t.Context(), Visitor{Browser: "test", Address: []string{"192.0.2.7", "192.0.2.8"}[i/6]})
		if err != nil {
			t.Fatal(err)
		}
		*clock = clock.Add(20 * time.Second)
		take(t, b, secret)
	}
	ballots, err := b.Ballots(t.Context())
	if err != nil || len(ballots) != 14 || ballots[0].Origin != 1 || ballots[11].Origin != 1 || ballots[13].Origin != 2 {
		t.Fatalf("ballots %+v, error %v", ballots, err)
	}
	if n := ensemble.Pace(ballots); n != 4 { // at 0, 20, 40 and 60 seconds
		t.Errorf("%d within a minute, want 4", n)
	}
	b.Close()
	for _, ending := range []string{"", "-wal"} {
		if data, err := os.ReadFile(store + ending); err == nil && bytes.Contains(data, []byte("192.0.2")) {
			t.Errorf("votes.db%s holds an address", ending)
		}
	}
	again, err := Open(b.Study(), store, Options{Now: func() time.Time { return *clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Join(t.Context(), Visitor{Address: "192.0.2.8"}); err != nil {
		t.Fatal(err)
	}
	if people, _, err := again.People(t.Context()); err != nil || people[7].Origin != 2 {
		t.Errorf("after a restart the address is number %d, error %v", people[7].Origin, err)
	}
}

// Who withdraws is gone for good: from memory, from the file and from its log.
// The number is not given out again, and a count is kept.
func TestWithdraw(t *testing.T) {
	b, store, clock := opened(t, func(s *Study) { s.Parameters = []string{"PID"} })
	const secretText = "a-browser-that-nobody-else-has"
	stay, err := b.Join(t.Context(), Visitor{Browser: "other"})
	if err != nil {
		t.Fatal(err)
	}
	take(t, b, stay)
	gone, err := b.Join(t.Context(), Visitor{Browser: secretText, Parameters: url.Values{"PID": {"parameter-of-one-person"}}})
	if err != nil {
		t.Fatal(err)
	}
	take(t, b, gone)
	now, err := b.State(t.Context(), gone)
	if err != nil {
		t.Fatal(err)
	}
	holds := func(text string) (n int) {
		for _, ending := range []string{"", "-wal"} {
			if data, err := os.ReadFile(store + ending); err == nil {
				n += bytes.Count(data, []byte(text))
			}
		}
		return n
	}
	if holds(secretText) == 0 || holds("parameter-of-one-person") == 0 {
		t.Fatal("the store does not hold what is to be removed")
	}
	for _, wrong := range []string{"", "ABCDEFGH"} {
		if err := b.Withdraw(t.Context(), wrong); !errors.Is(err, ErrCode) {
			t.Errorf("code %q: error %v", wrong, err)
		}
	}
	if err := b.CloseStudy(t.Context()); err != nil { // later too
		t.Fatal(err)
	}
	if err := b.Withdraw(t.Context(), " "+strings.ToLower(now.Code)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{secretText, "parameter-of-one-person", hashKey(gone), now.Code} {
		if n := holds(text); n > 0 {
			t.Errorf("the store holds %q %d times after it was withdrawn", text, n)
		}
	}
	check := func(b *Session) {
		t.Helper()
		ballots, err := b.Ballots(t.Context())
		if err != nil || len(ballots) != 2 || ballots[0].Participant != "p0001" {
			t.Errorf("ballots %+v, error %v", ballots, err)
		}
		if n, err := b.Withdrawn(t.Context()); err != nil || n != 1 {
			t.Errorf("%d withdrew, error %v", n, err)
		}
		if _, err := b.State(t.Context(), gone); !errors.Is(err, ErrUnknown) {
			t.Errorf("who withdrew: error %v", err)
		}
	}
	check(b)
	b.Close()
	run(t, aside(t, store), `DELETE FROM meta WHERE name = 'closed'`)
	again, err := Open(b.Study(), store, Options{Now: func() time.Time { return *clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	check(again)
	if _, err := again.Join(t.Context(), Visitor{}); err != nil {
		t.Fatal(err)
	}
	if people, _, err := again.People(t.Context()); err != nil || len(people) != 2 || people[1].Name != "p0003" {
		t.Errorf("the next participant is %v, error %v", people, err)
	}
	if data, err := os.ReadFile(store); err != nil || bytes.Contains(data, []byte(fmt.Sprintf("%q", secretText))) {
		t.Error(err)
	}
}

// The data of a study are tables with a dictionary that names every column.
func TestTidy(t *testing.T) {
	b, store, _ := opened(t, func(s *Study) { s.Parameters = []string{"PID"} })
	secret, err := b.Join(t.Context(), Visitor{Browser: "test", Address: "192.0.2.7", Parameters: url.Values{"PID": {"=1+1"}}})
	if err != nil {
		t.Fatal(err)
	}
	take(t, b, secret)
	if _, err := b.Join(t.Context(), Visitor{}); err != nil {
		t.Fatal(err)
	}
	v, err := Read(b.Study(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	files, err := v.Tidy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var dictionary struct {
		Resources []struct {
			Path   string
			Rows   int
			Schema struct{ Fields []field }
		}
		Study struct{ Joined, Started, Finished, Withdrawn int }
	}
	if err := json.Unmarshal(files["datapackage.json"], &dictionary); err != nil {
		t.Fatal(err)
	}
	if s := dictionary.Study; s.Joined != 2 || s.Started != 1 || s.Finished != 1 || s.Withdrawn != 0 {
		t.Errorf("%+v", s)
	}
	rows := map[string][][]string{}
	for _, r := range dictionary.Resources {
		lines, err := csv.NewReader(bytes.NewReader(files[r.Path])).ReadAll()
		if err != nil || len(lines) != r.Rows+1 || len(lines[0]) != len(r.Schema.Fields) {
			t.Fatalf("%s: %d lines, error %v", r.Path, len(lines), err)
		}
		for i, f := range r.Schema.Fields {
			if f.Name != lines[0][i] || f.Description == "" || f.Type == "" {
				t.Errorf("%s: column %q is described as %+v", r.Path, lines[0][i], f)
			}
		}
		rows[r.Path] = lines[1:]
	}
	// Two trials that count, two picks each; join, agree, start, and for each
	// of three trials two sheets, drawn, two picks, a reading and handing in;
	// and the join of the second.
	if n := len(rows["votes.csv"]); n != 4 || len(rows["ballots.csv"]) != 2 || len(rows["participants.csv"]) != 2 || len(rows["clicks.csv"]) != 3+3*7+1 {
		t.Errorf("%d votes, %d ballots, %d participants, %d clicks", n, len(rows["ballots.csv"]), len(rows["participants.csv"]), len(rows["clicks.csv"]))
	}
	ballots, err := v.Ballots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := rows["votes.csv"][0], []string{"p0001", "one", "1", fmt.Sprint(ballots[0].Shown[1]), "1", "5", "false", "false"}; !slices.Equal(got, want) {
		t.Errorf("the first vote is %q, want %q", got, want)
	}
	if got := rows["participants.csv"][0]; got[2] != "done" || got[7] != "1" || got[9] != "'=1+1" {
		t.Errorf("the first participant is %q", got)
	}
	if got := rows["ballots.csv"][1]; got[1] != "two" || got[11] != "true" {
		t.Errorf("the golden ballot is %q", got)
	}
}
