package ensemble_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// lookup finds images of samples by seed.
func lookup(samples []srspace.Sample) func(uint64) (*picture.Image, error) {
	return func(seed uint64) (*picture.Image, error) {
		for _, s := range samples {
			if s.Seed == seed {
				return s.Image, nil
			}
		}
		return nil, ensemble.ErrSample
	}
}

func TestRivalsByPeople(t *testing.T) {
	samples := greys(6, 50)
	tally := count(t,
		vote("a", 6, "5", 0, 1), vote("b", 6, "5", 0, 2), vote("c", 6, "5", 0, 3),
		vote("d", 6, "6", 4, 3), vote("e", 6, "6", 4, 2), vote("f", 6, "6", 2, 4), vote("g", 6, ""),
	)
	r, err := ensemble.FindRivals(tally, nil, 2, ensemble.Expand, 0, ensemble.ByMean, lookup(samples))
	if err != nil {
		t.Fatal(err)
	}
	if r.Unread != 1 || len(r.Rivals) != 2 || !slices.Equal(r.Contested, []uint64{3}) {
		t.Fatalf("rivals %+v", r)
	}
	five, six := r.Rivals[0], r.Rivals[1]
	if five.Reading != "5" || five.People != 3 || five.Of != 6 || !slices.Equal(five.Samples, []uint64{0, 1}) ||
		!slices.Equal(five.Selection.Chosen, []uint64{0, 1}) || five.Image.Bytes()[0] != 25 {
		t.Errorf("“5”: %+v", five)
	}
	// 2 was picked once by who read "5" and twice by who read "6".
	if six.Reading != "6" || !slices.Equal(six.Samples, []uint64{2, 4}) || !slices.Equal(six.Selection.Chosen, []uint64{4, 2}) || six.Image.Bytes()[0] != 150 {
		t.Errorf("“6”: %+v", six)
	}
	if six.SampleShare != stats.Wilson(2, 4, 0.95) {
		t.Errorf("share of samples %v", six.SampleShare)
	}
	readings := ensemble.SampleReadings(tally)
	if w := ensemble.MixtureWarning([]uint64{0, 4, 2}, readings); !strings.Contains(w, "2 read as “6”, 1 read as “5”") {
		t.Errorf("warning %q", w)
	}
	if w := ensemble.MixtureWarning([]uint64{0, 1}, readings); w != "" {
		t.Errorf("warning %q of one reading", w)
	}
	if w := ensemble.MixtureWarning([]uint64{0, 3}, readings); !strings.Contains(w, "1 contested") {
		t.Errorf("warning %q", w)
	}
}

func TestRivalsByReader(t *testing.T) {
	samples := greys(6, 50)
	tally := count(t, vote("a", 6, "5", 0, 1), vote("b", 6, "5", 0, 5), vote("c", 6, "6", 0, 4))
	r, err := ensemble.FindRivals(tally, map[uint64]string{0: "5", 1: "5", 2: "5", 4: "6", 5: "6", 3: "8"}, 5, ensemble.Expand, 0, ensemble.ByMean, lookup(samples))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rival := range r.Rivals {
		var chosen []uint64
		if rival.Selection != nil {
			chosen = rival.Selection.Chosen
		}
		got = append(got, fmt.Sprintln(rival.Reading, rival.People, rival.Samples, chosen, rival.Image != nil))
	}
	// 0 has three votes, whoever cast them; "8" was drawn, and read by nobody.
	want := []string{"5 2 [0 1 2] [0 1] true\n", "6 1 [4 5] [4 5] true\n", "8 0 [3] [] false\n"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The paper's Table 1 from thirty ballots.
func table1Ballots() []ensemble.Ballot {
	var ballots []ensemble.Ballot
	for i := range 30 {
		reading := "5"
		if i >= 22 {
			reading = "6"
		}
		ballots = append(ballots, vote(fmt.Sprint(i), 324, reading, uint64(i), uint64(i+1)))
	}
	return ballots
}

func TestTable1CSV(t *testing.T) {
	var buf bytes.Buffer
	if err := ensemble.Table1CSV(&buf, ensemble.CountReadings(table1Ballots())); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(buf.String(), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], "5,22,30,0.733333333333333") || !strings.HasPrefix(lines[2], "6,8,30,0.2666") ||
		!strings.Contains(lines[1], ",0.55552038304") || !strings.Contains(lines[1], ",0.01612480171024") {
		t.Errorf("got\n%s", buf.String())
	}
}

func ExampleTable1Markdown() {
	fmt.Print(ensemble.Table1Markdown(ensemble.CountReadings(table1Ballots())))
	// Output:
	// |  | Perceived as “5” | Perceived as “6” |
	// |---|---:|---:|
	// | # of People | 22 (73.3%) | 8 (26.7%) |
	// | 95 % interval, Wilson | 55.6–85.8% | 14.2–44.4% |
	// | 95 % interval, Clopper–Pearson | 54.1–87.7% | 12.3–45.9% |
	// | exact two-sided p against ½ | 0.016 | 0.016 |
}
