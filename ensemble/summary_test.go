package ensemble_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// task2 is a whole Task-2 study on glyphs, whose quality is their distance
// from a "6".
func task2(t *testing.T, behaviour ensemble.Behaviour) []*ensemble.Report {
	t.Helper()
	p := ensemble.Task2()
	var trials []ensemble.SimulatedTrial
	var spaces [][]srspace.Sample
	for i := range p.Trials {
		all, looks := glyphSpace(200, 0.5)
		samples := make(map[uint64]ensemble.Appearance)
		var space []srspace.Sample
		for j := range 15 { // other samples in each trial
			s := all[(40*i+13*j)%200]
			space = append(space, s)
			samples[s.Seed] = ensemble.Appearance{Quality: looks[s.Seed].Readings["5"]}
		}
		spaces = append(spaces, space)
		trials = append(trials, ensemble.SimulatedTrial{Name: fmt.Sprint("image ", i), Samples: samples})
	}
	ballots, err := ensemble.Simulate(&p, trials, ensemble.SimulatedPanel(30, behaviour, 1), 1, noon)
	if err != nil {
		t.Fatal(err)
	}
	truth := glyph("5")
	var reports []*ensemble.Report
	for i, trial := range trials {
		r, err := ensemble.NewReport(t.Context(), trial.Name, ballots, spaces[i], ensemble.ReportOptions{
			Protocol: p, Resamples: 50, Rule: ensemble.ShownLast,
			Metrics: []ensemble.Metric{
				{Name: "psnr", Score: func(m *picture.Image) (float64, error) { return psnr(m, truth), nil }},
				{Name: "error", LowerIsBetter: true, Score: func(m *picture.Image) (float64, error) { return -psnr(m, truth), nil }},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	return reports
}

func TestAdvantages(t *testing.T) {
	experts, err := ensemble.Advantages(task2(t, ensemble.Expert))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range experts {
		if len(a.Gains) != 10 || a.Mean <= 0 || a.Interval.Low <= 0 || a.Percentile < 95 || a.Test.P != 2./1024 { // all ten of one sign
			t.Errorf("experts: %+v", a)
		}
	}
	if experts[0].Mean != experts[1].Mean {
		t.Errorf("a metric of which lower is better gains %g, its negative %g", experts[1].Mean, experts[0].Mean)
	}
	clickers, err := ensemble.Advantages(task2(t, ensemble.Uniform))
	if err != nil {
		t.Fatal(err)
	}
	if a := clickers[0]; !a.Interval.Contains(0) || a.Test.P < 0.05 || a.Percentile > 77 || a.Percentile < 23 {
		t.Errorf("clickers: %+v", a)
	}
}

func TestSummaryMarkdown(t *testing.T) {
	md, err := ensemble.SummaryMarkdown(task2(t, ensemble.Expert))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(md, "\n| image ") != 10 || !strings.Contains(md, "| psnr | 10 | +") || !strings.Contains(md, "| 0.002 |") {
		t.Errorf("summary:\n%s", md)
	}
	if _, err := ensemble.SummaryMarkdown(nil); !errors.Is(err, ensemble.ErrEmpty) {
		t.Errorf("no trials: error %v", err)
	}
	r := task2(t, ensemble.Expert)
	r[3].All.Controls = nil
	md, err = ensemble.SummaryMarkdown(r)
	if err != nil || !strings.Contains(md, "| – | – |") || !strings.Contains(md, "| psnr | 9 | +") {
		t.Errorf("a trial without controls (error %v):\n%s", err, md)
	}
}
