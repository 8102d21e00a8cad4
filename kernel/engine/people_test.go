package engine

import (
	"fmt"
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
	table := peopleTables(r)[1]
	if !strings.Contains(table.Caption, "200 random ones of as many samples, 3") {
		t.Errorf("caption %q", table.Caption)
	}
	if text := fmt.Sprint(table.Rows); !regexp.MustCompile(`\(9[0-9.]+–100.0\)`).MatchString(text) {
		t.Errorf("no interval in %s", text)
	}
}
