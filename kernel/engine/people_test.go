package engine

import (
	"regexp"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// The table of controls gives the percentile with its interval, of as many
// random ensembles of as many samples as there were.
func TestPeopleTables(t *testing.T) {
	var samples []srspace.Sample
	ballot := ensemble.Ballot{Participant: "p", Trial: "t", Picks: []uint64{17, 18, 19}}
	for i := range uint64(20) {
		m := picture.NewImage(1, 1)
		m.Pix[0] = float32(i) / 20
		samples = append(samples, srspace.Sample{Seed: i, Image: m})
		ballot.Shown = append(ballot.Shown, i)
	}
	p := ensemble.Method()
	p.Combined = 3
	r, err := ensemble.NewReport(t.Context(), "t", []ensemble.Ballot{ballot}, samples, ensemble.ReportOptions{
		Protocol: p, Controls: ensemble.ControlOptions{Random: 200},
		Metrics: []ensemble.Metric{{Name: "red", Score: func(m *picture.Image) (float64, error) { return float64(m.Pix[0]), nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := peopleMarkdown(r)
	table := texts[len(texts)-1]
	if !strings.Contains(table, "200 ensembles of 3 samples") {
		t.Errorf("of how many is not said in %s", table)
	}
	if !regexp.MustCompile(`9[0-9.]+–100.0`).MatchString(table) {
		t.Errorf("no interval in %s", table)
	}
	if report := r.Markdown(); !strings.Contains(report, strings.TrimPrefix(table, "**Controls:**")) {
		t.Errorf("the report has another table:\n%s", report)
	}
}
