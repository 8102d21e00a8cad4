package ensemble_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
)

// seeds returns 0 … n-1.
func seeds(n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(i)
	}
	return s
}

// vote is a ballot in the trial "t" on samples 0 … n-1.
func vote(participant string, n int, reading string, picks ...uint64) ensemble.Ballot {
	return ensemble.Ballot{Participant: participant, Trial: "t", Shown: seeds(n), Picks: picks, Reading: reading, None: len(picks) == 0}
}

func TestValidate(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name     string
		protocol ensemble.Protocol
		samples  int
		change   func(*ensemble.Ballot)
		want     string // in the error; "" for none
	}{
		{"as printed", ensemble.Task1(), 324, func(b *ensemble.Ballot) {}, ""},
		{"three of two", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Picks = []uint64{1, 2, 3} }, "3 picks, at most 2"},
		{"one of two", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Picks = b.Picks[:1] }, "1 picks, at least 2"},
		{"none", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Picks, b.None = nil, true }, ""},
		{"none and nothing read", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Picks, b.None, b.Reading = nil, true, "" }, ""},
		{"none and a pick", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.None = true }, "beside"},
		{"neither picks nor none", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Picks = nil }, "at least 2"},
		{"no reading", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Reading = "" }, "no reading"},
		{"two digits", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Reading = "56" }, "no digit"},
		{"an Arabic-Indic digit", ensemble.Task1(), 324, func(b *ensemble.Ballot) { b.Reading = "٥" }, "no digit"},
		{"too few shown", ensemble.Task1(), 323, func(b *ensemble.Ballot) {}, "323 samples shown, want 324"},
		{"reading not asked", ensemble.Task2(), 15, func(b *ensemble.Ballot) {}, "none was asked"},
		{"task 2", ensemble.Task2(), 15, func(b *ensemble.Ballot) { b.Reading = "" }, ""},
		{"method, 40 samples", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Reading = "AB 12" }, ""},
		{"method, 101 samples", ensemble.Method(), 101, func(b *ensemble.Ballot) {}, "at most 100"},
		{"a pick twice", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Picks = []uint64{3, 3} }, "picked twice"},
		{"a pick not shown", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Picks = []uint64{40} }, "not shown"},
		{"a sample twice", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Shown[5] = 6 }, "shown twice"},
		{"confidence not asked", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Confidence = 3 }, "confidence 3"},
		{"back in time", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Began, b.Cast = began, began.Add(-time.Second) }, "before it began"},
		{"a line break", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Reading = "5\n6" }, "unprintable"},
		{"not UTF-8", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Participant = "\xff" }, "UTF-8"},
		{"nobody", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Participant = "" }, "no participant"},
		{"a long story", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.Reading = strings.Repeat("5", 201) }, "longer than 200"},
		{"pixel ratio NaN", ensemble.Method(), 40, func(b *ensemble.Ballot) { b.PixelRatio = math.NaN() }, "pixel ratio"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := vote("p", c.samples, "5", 3, 4)
			c.change(&b)
			err := c.protocol.Validate(&b)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ensemble.ErrBallot) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestValidateAll(t *testing.T) {
	p := ensemble.Method()
	ballots := []ensemble.Ballot{vote("a", 9, "5", 1), vote("b", 9, "6", 2), vote("a", 9, "6", 3)}
	if err := p.ValidateAll(ballots); !errors.Is(err, ensemble.ErrTwice) {
		t.Errorf("two ballots of one participant: error %v", err)
	}
	ballots[2].Trial = "another"
	if err := p.ValidateAll(ballots); err != nil {
		t.Error(err)
	}
}

func TestPresets(t *testing.T) {
	for _, name := range []string{"task1", "task2", "method"} {
		p, err := ensemble.FindProtocol(name)
		if err != nil || p.Check() != nil || p.Name != name {
			t.Errorf("%s: %v, %v", name, err, p.Check())
		}
	}
	if _, err := ensemble.FindProtocol("task3"); !errors.Is(err, ensemble.ErrProtocol) {
		t.Errorf("task3: error %v", err)
	}
	p := ensemble.Task2()
	p.MaxPicks = 16
	if err := p.Check(); !errors.Is(err, ensemble.ErrProtocol) {
		t.Errorf("16 picks of 15: error %v", err)
	}
}

// full has every field set, with texts that a spreadsheet would run.
func full() []ensemble.Ballot {
	began := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	return []ensemble.Ballot{
		{Participant: "=1+1", Trial: "'quoted'", Shown: []uint64{7, 0, math.MaxUint64}, Picks: []uint64{math.MaxUint64, 7}, Reading: "-5, \"six\"",
			Confidence: 4, Began: began, Cast: began.Add(time.Minute), Browser: "Mozilla/5.0 (X11; Linux)", PixelRatio: 1.5, Golden: true},
		{Participant: "p2", Trial: "'quoted'", Shown: []uint64{1}, Picks: []uint64{}, None: true},
	}
}

func TestBallotFiles(t *testing.T) {
	for _, name := range []string{"b.csv", "b.jsonl"} {
		path := filepath.Join(t.TempDir(), name)
		if err := ensemble.WriteBallots(path, full()); err != nil {
			t.Fatal(err)
		}
		got, err := ensemble.ReadBallots(path)
		if err != nil {
			t.Fatal(err)
		}
		want := full()
		for i := range want {
			want[i].Line = i + 1
			if name == "b.csv" {
				want[i].Line++ // the header
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	if err := ensemble.WriteBallots(filepath.Join(t.TempDir(), "b.xls"), full()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf(".xls: error %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		read       func(io.Reader) ([]ensemble.Ballot, error)
		want       string
	}{
		{"a column missing", "participant,trial,shown\n", ensemble.ReadCSV, `no column "picks"`},
		{"a column too many", "participant,trial,shown,picks,truth\n", ensemble.ReadCSV, `"truth"`},
		{"nothing", "", ensemble.ReadCSV, "no header"},
		{"a sample is no number", "participant,trial,shown,picks\na,t,1 x,1\n", ensemble.ReadCSV, "line 2: shown"},
		{"a pick not shown", "participant,trial,shown,picks\na,t,1 2,1\nb,t,1 2,3\n", ensemble.ReadCSV, "line 3"},
		{"an unknown field", `{"participant":"a","trial":"t","shown":[1],"picks":[1],"truth":5}`, ensemble.ReadJSONL, "truth"},
		{"two objects", `{"participant":"a","trial":"t","shown":[1],"picks":[1]} {}`, ensemble.ReadJSONL, "more than one"},
		{"cut off", `{"participant":"a","trial":"t","shown":[1],"pi`, ensemble.ReadJSONL, "line 1"},
		{"twice", strings.Repeat(`{"participant":"a","trial":"t","shown":[1],"picks":[1]}`+"\n", 2), ensemble.ReadJSONL, "twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

// What is read can be written, and is then read as the same.
func FuzzReadBallots(f *testing.F) {
	for _, write := range []func(io.Writer, []ensemble.Ballot) error{ensemble.WriteCSV, ensemble.WriteJSONL} {
		var buf bytes.Buffer
		if err := write(&buf, full()); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Add([]byte("\ufeffpicks,shown,trial,participant\n1,1 2,t,\"a\"\n"))
	f.Add([]byte(`{"participant":"a","trial":"t","shown":[1],"picks":null,"cast":"9999-12-31T23:59:59.5+23:59"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, codec := range map[string]struct {
			read  func(io.Reader) ([]ensemble.Ballot, error)
			write func(io.Writer, []ensemble.Ballot) error
		}{
			"CSV":   {ensemble.ReadCSV, ensemble.WriteCSV},
			"JSONL": {ensemble.ReadJSONL, ensemble.WriteJSONL},
		} {
			ballots, err := codec.read(bytes.NewReader(data))
			if err != nil || len(ballots) == 0 {
				continue
			}
			var first, second bytes.Buffer
			if err := codec.write(&first, ballots); err != nil {
				t.Fatalf("%s: what was read cannot be written: %v", name, err)
			}
			again, err := codec.read(bytes.NewReader(first.Bytes()))
			if err != nil {
				t.Fatalf("%s: what was written cannot be read: %v\n%s", name, err, first.Bytes())
			}
			if err := codec.write(&second, again); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Fatalf("%s: written as\n%s\nand again as\n%s", name, first.Bytes(), second.Bytes())
			}
		}
	})
}
