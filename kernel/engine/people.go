package engine

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

// simulate lets simulated participants choose from a space and shows what
// comes of it: what they read, the most picked samples with their mean and the
// mean of each rival reading, and where that stands among random ensembles.
func simulate(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	if req.People < 1 || req.People > 1000 {
		return nil, fmt.Errorf("%d participants: 1 to 1000", req.People)
	}
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	protocol := ensemble.Task1()
	if len(images) <= protocol.Combined {
		return nil, s.empty()
	}
	protocol.Samples = len(images)
	read, err := e.readings(ctx, s, report)
	if err != nil {
		return nil, err
	}
	looks, readings, samples := map[uint64]ensemble.Appearance{}, map[uint64]string{}, []srspace.Sample{}
	for i, seed := range seeds {
		samples = append(samples, srspace.Sample{Seed: seed, Image: images[i]})
	}
	for _, r := range read.Samples {
		// The reader's word, and its doubt on all others.
		look := map[string]float64{}
		for digit := range 10 {
			look[strconv.Itoa(digit)] = (1 - r.Probability) / 9
		}
		look[strconv.Itoa(r.Digit)] = r.Probability
		looks[r.Seed] = ensemble.Appearance{Readings: look, Quality: r.Probability}
		readings[r.Seed] = strconv.Itoa(r.Digit)
	}
	panel := ensemble.SimulatedPanel(req.People, ensemble.Behaviour(req.Behaviour), 1)
	ballots, err := ensemble.Simulate(&protocol, []ensemble.SimulatedTrial{{Name: s.name, Samples: looks}}, panel, 1, time.Date(2022, 1, 1, 9, 0, 0, 0, time.UTC))
	if err != nil {
		return nil, err
	}
	options := ensemble.ReportOptions{Protocol: protocol, Seed: 1, Readings: readings}
	consistency := ensemble.Metric{Name: "LR consistency (dB)", Score: func(m *picture.Image) (float64, error) {
		v, err := (metrics.LRPSNRMetric{}).Score(m, s.subject.lr)
		return math.Min(v, 100), err
	}}
	model, err := e.loader.wait(ctx, report)
	if err != nil {
		return nil, err
	}
	certainty := ensemble.Metric{Name: "reader's certainty", Score: func(m *picture.Image) (float64, error) {
		r, err := model.Read([]*picture.Image{m})
		if err != nil {
			return 0, err
		}
		return r[0].Probability, nil
	}}
	options.Metrics = []ensemble.Metric{consistency, certainty}
	if hr := s.subject.hr; hr != nil {
		options.Metrics = append([]ensemble.Metric{{Name: "PSNR (dB)", Score: func(m *picture.Image) (float64, error) {
			v, err := (metrics.PSNRMetric{}).Score(m, hr)
			return math.Min(v, 100), err
		}}}, options.Metrics...)
	}
	options.Controls.Progress = func(done, total int) {
		report(wire.Progress{Done: done, Total: total, Note: "control ensembles"})
	}
	made, err := ensemble.NewReport(ctx, s.name, ballots, samples, options)
	if err != nil {
		return nil, err
	}
	figure, err := peopleFigure(s, made, samples, req)
	if err != nil {
		return nil, err
	}
	return &wire.Result{Figure: figure, Tables: peopleTables(made)}, nil
}

// peopleTables are Table 1 of the paper, with intervals, and what the choice
// added to choosing by lot.
func peopleTables(r *ensemble.Report) []wire.Table {
	first := wire.Table{Caption: "What people read (Table 1), with 95 % intervals",
		Head: []string{"read as", "people", "share", "Wilson", "Clopper–Pearson", "two-sided p against ½"}}
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	for _, c := range r.All.Readings {
		first.Rows = append(first.Rows, []string{c.Reading, fmt.Sprintf("%d of %d", c.People, c.Of), percent(float64(c.People) / float64(c.Of)),
			percent(c.Wilson.Low) + " to " + percent(c.Wilson.High), percent(c.ClopperPearson.Low) + " to " + percent(c.ClopperPearson.High),
			fmt.Sprintf("%.2g", c.Test.TwoSided)})
	}
	second := wire.Table{Caption: "Where the chosen ensemble stands among random ones of as many samples",
		Head: []string{"metric", "chosen", "random, median", "percentile, with 95 % interval"}}
	if c := r.All.Controls; c != nil {
		second.Caption = fmt.Sprintf("Where the chosen ensemble stands among %d random ones of as many samples, %d", len(c.Random), len(c.Human.Samples))
		for j, m := range c.Metrics {
			second.Rows = append(second.Rows, []string{m.Name, fmt.Sprintf("%.3f", c.Human.Scores[j]), fmt.Sprintf("%.3f", c.Median(j)), c.Standing[j].String()})
		}
	}
	return []wire.Table{first, second}
}

// peopleFigure is the paper's Fig. 4 (d) and (e), with the rivals.
func peopleFigure(s *space, r *ensemble.Report, samples []srspace.Sample, req *wire.Request) (*wire.Figure, error) {
	bySeed := map[uint64]*picture.Image{}
	for _, sample := range samples {
		bySeed[sample.Seed] = sample.Image
	}
	var labels []string
	var images []*picture.Image
	for _, seed := range r.All.Selection.Chosen {
		labels, images = append(labels, r.All.Tally.Of(seed).Label()), append(images, bySeed[seed])
	}
	labels, images = append(labels, "their mean"), append(images, r.All.Image)
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Image != nil {
			labels, images = append(labels, rival.Label()), append(images, rival.Image)
		}
	}
	drawn, err := plane.Labelled(labels, images, min(len(images), 8))
	if err != nil {
		return nil, err
	}
	caption := fmt.Sprintf("%s: %d simulated participants (%s), the samples most picked, their mean, one mean for each reading", s.subject.Title, req.People, req.Behaviour)
	if w := r.Warnings(); len(w) > 0 {
		caption += "; " + strings.Join(w, " ")
	}
	return pictureFigure(drawn, caption)
}
