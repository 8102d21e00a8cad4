package ensemble_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
)

// Four votes on a sample of grey 30, two on 0, one on 10, all chosen: mean
// 13⅓, median 10, by votes (4·30 + 2·0 + 1·10)/7. The only rival reading is
// combined alike, and so are the controls.
func TestReportCombinations(t *testing.T) {
	samples := greys(4, 10)
	ballots := []ensemble.Ballot{
		vote("a", 4, "5", 3, 0), vote("b", 4, "5", 3, 0), vote("c", 4, "5", 3, 1), vote("d", 4, "5", 3),
	}
	p := ensemble.Method()
	p.Combined = 3
	for combine, want := range map[ensemble.Combination]float64{
		"": 40. / 3, ensemble.ByMean: 40. / 3, ensemble.ByMedian: 10, ensemble.ByVotes: 130. / 7,
	} {
		r, err := ensemble.NewReport(t.Context(), "t", ballots, samples, ensemble.ReportOptions{Protocol: p, Combine: combine, Metrics: []ensemble.Metric{bright}})
		if err != nil {
			t.Fatal(err)
		}
		got, _ := brightness(r.All.Image)
		rival, _ := brightness(r.All.Rivals.Rivals[0].Image)
		if math.Abs(255*got-want) > 1e-4 || rival != got || r.All.Controls.Human.Scores[0] != got {
			t.Errorf("%q: grey %.4f, the rival %.4f, the control %.4f, want %.4f", combine, 255*got, 255*rival, 255*r.All.Controls.Human.Scores[0], want)
		}
		// The brightest three by the same weights: 3, 2, 1.
		best := map[ensemble.Combination]float64{ensemble.ByVotes: (4*30 + 2*20 + 10) / 7.}[combine]
		if best == 0 {
			best = 20
		}
		if b := r.All.Controls.Best[0].Scores[0]; math.Abs(255*b-best) > 1e-4 {
			t.Errorf("%q: the best is of grey %.4f, want %.4f", combine, 255*b, best)
		}
		plain := combine == "" || combine == ensemble.ByMean
		if strings.Contains(r.Markdown(), "a departure from the paper") == plain || (r.All.Range != nil) != plain {
			t.Errorf("%q: the report says\n%s", combine, r.Markdown())
		}
	}
	if _, err := ensemble.NewReport(t.Context(), "t", ballots, samples, ensemble.ReportOptions{Protocol: p, Combine: "sum"}); !errors.Is(err, ensemble.ErrCombination) {
		t.Errorf("a sum: error %v", err)
	}
}

// Two trials of four readers: agreement is that of the table, Krippendorff's
// and Fleiss's both by hand.
func TestReadingConcord(t *testing.T) {
	var ballots []ensemble.Ballot
	add := func(trial, who, reading string) {
		b := vote(who, 4, reading, 1)
		b.Trial = trial
		ballots = append(ballots, b)
	}
	for i, who := range []string{"a", "b", "c"} {
		add("one", who, "5")
		add("two", who, []string{"6", "6", "5"}[i])
	}
	add("one", "late", "5") // and nothing in the other trial: not in kappa
	c := ensemble.ReadingConcord(ballots)
	// Fleiss: P = (1 + 1/3)/2, shares 4/6 and 2/6, chance 5/9: (2/3-5/9)/(4/9) = 1/4.
	// Krippendorff: 7 values, 5 of "5"; within a trial ordered pairs that differ,
	// 4 of 6, weigh 1/2 each: observed 2/7; expected 2·5·2/(7·6); 1 - 2/7·42/20 = 0.4.
	if math.Abs(c.Kappa-0.25) > 1e-12 || math.Abs(c.Alpha-0.4) > 1e-12 || c.People != 4 || c.Complete != 3 || c.Trials != 2 {
		t.Errorf("%+v", c)
	}
	if one := ensemble.ReadingConcord(ballots[:1]); !math.IsNaN(one.Alpha) || !math.IsNaN(one.Kappa) || one.Trials != 1 {
		t.Errorf("one trial: %+v", one)
	}
	r, err := ensemble.NewReport(t.Context(), "one", ballots, greys(4, 10), ensemble.ReportOptions{Protocol: ensemble.Method()})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := ensemble.SummaryMarkdown([]*ensemble.Report{r})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{r.Markdown(), summary} {
		if want := "Krippendorff's α 0.400 of 4 people, Fleiss's κ 0.250 of the 3 who read every trial"; !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.Contains(r.Markdown(), "There are no controls, because nothing scores") {
		t.Errorf("no warning that there are no controls:\n%s", r.Markdown())
	}
}

// Samples that are not listed may have as many votes as listed ones, and
// rivals expanded by a tie say how many they are of, and why.
func TestReportSaysSizes(t *testing.T) {
	var ballots []ensemble.Ballot
	for i := range uint64(20) { // one vote each, but three on 0
		reading := "5"
		if i%4 == 0 {
			reading = "6"
		}
		ballots = append(ballots, vote(fmt.Sprint("p", i), 30, reading, i))
	}
	ballots = append(ballots, vote("q", 30, "6", 0), vote("r", 30, "6", 0))
	p := ensemble.Method()
	p.Combined = 1
	r, err := ensemble.NewReport(t.Context(), "t", ballots, greys(30, 5), ensemble.ReportOptions{Protocol: p})
	if err != nil {
		t.Fatal(err)
	}
	md := r.Markdown()
	for _, want := range []string{
		"9 samples more, with at most 1 vote each, not listed.",
		"| “5” | 15 | 47.3–83.6% | 15 | 53.1–88.8% | 15 | a tie of 15 for 1 |",
		"| 1 | votes | 0 |", "The ensembles are of unlike sizes",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the report does not say %q:\n%s", want, md)
		}
	}
	if label := r.All.Rivals.Rivals[0].Label(); label != `"5": 15 of 22, 15 combined` {
		t.Errorf("label %s", label)
	}
}
