package ensemble_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Two shapes that differ in a few pixels, as 5 and 6 do.
var glyphs = map[string][]string{
	"5": {"#####", "#....", "####.", "....#", "....#", "#...#", ".###."},
	"6": {"..##.", ".#...", "#....", "####.", "#...#", "#...#", ".###."},
}

// glyphSpace is n samples between the two shapes with noise: the first share
// of them nearer to "5". What they look like is how near.
func glyphSpace(n int, share float64) ([]srspace.Sample, map[uint64]ensemble.Appearance) {
	var samples []srspace.Sample
	looks := make(map[uint64]ensemble.Appearance)
	for i := range n {
		noise := make([]float32, 3*35+1)
		srspace.Noise(noise, uint64(i), 0)
		five := 0.5 + 0.45*math.Tanh(math.Abs(float64(noise[3*35])))
		if float64(i) >= share*float64(n) {
			five = 1 - five
		}
		m := glyph("5")
		six := glyph("6")
		for j := range m.Pix {
			m.Pix[j] = float32(five)*m.Pix[j] + float32(1-five)*six.Pix[j] + 0.15*noise[j]
		}
		samples = append(samples, srspace.Sample{Seed: uint64(i), Image: m})
		looks[uint64(i)] = ensemble.Appearance{Readings: map[string]float64{"5": five, "6": 1 - five}}
	}
	return samples, looks
}

func glyph(name string) *picture.Image {
	m := picture.NewImage(5, 7)
	for y, row := range glyphs[name] {
		for x, c := range row {
			if c == '#' {
				for ch := range 3 {
					m.Pix[(5*y+x)*3+ch] = 1
				}
			}
		}
	}
	return m
}

// study is a Task-1 study on glyphs, 70 of 100 of them like a "5", which is
// the truth here.
func study(t *testing.T, seed uint64, people ...ensemble.SimulatedParticipant) *ensemble.Report {
	t.Helper()
	samples, looks := glyphSpace(324, 0.7)
	p := ensemble.Task1()
	ballots, err := ensemble.Simulate(&p, []ensemble.SimulatedTrial{{Name: "digit", Samples: looks}}, people, seed, noon)
	if err != nil {
		t.Fatal(err)
	}
	truth := glyph("5")
	r, err := ensemble.NewReport(t.Context(), "digit", ballots, samples, ensemble.ReportOptions{
		Protocol: p, Rule: ensemble.SeededDraw, Seed: seed, Resamples: 200,
		Metrics:   []ensemble.Metric{{Name: "psnr", Score: func(m *picture.Image) (float64, error) { return psnr(m, truth), nil }}},
		Controls:  ensemble.ControlOptions{Random: 500},
		Screening: ensemble.Screening{MinTime: 3 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// experts are a panel that looks at many samples before it reads, and so
// agrees on what most of them show.
func experts(n int, seed uint64) []ensemble.SimulatedParticipant {
	panel := ensemble.SimulatedPanel(n, ensemble.Expert, seed)
	for i := range panel {
		panel[i].Looks = 60
	}
	return panel
}

// The control's percentile and the interval of the readings tell a study of
// experts from one of clickers.
func TestExpertsAndClickers(t *testing.T) {
	const studies = 10
	var clickers float64
	above := 0
	for seed := range uint64(studies) {
		expert := study(t, seed, experts(30, seed)...)
		if s := expert.All.Controls.Standing[0]; s.Percentile < 95 || s.Interval.Low < 90 {
			t.Errorf("seed %d: experts at percentile %.1f %v", seed, s.Percentile, s.Interval)
		}
		if c := expert.All.Readings[0]; c.Wilson.Low <= 0.5 || c.Test.TwoSided > 0.01 {
			t.Errorf("seed %d: %d of %d experts read “%s”, %v", seed, c.People, c.Of, c.Reading, c.Wilson)
		}

		click := study(t, seed, ensemble.SimulatedPanel(30, ensemble.Uniform, seed)...)
		s, c := click.All.Controls.Standing[0], click.All.Readings[0]
		clickers += s.Percentile / studies
		if c.Wilson.Low > 0.5 {
			above++
		}
		if s.Percentile < 95 && !strings.Contains(click.Markdown(), "cannot be told from a choice by lot") {
			t.Errorf("seed %d: no warning at percentile %.1f", seed, s.Percentile)
		}
		// Both say so at once by chance in about one study of 800.
		if s.Percentile >= 95 && c.Wilson.Low > 0.5 {
			t.Errorf("seed %d: clickers pass for experts: %.1f, %v", seed, s.Percentile, c.Wilson)
		}
	}
	// Uniform on 0…100 with deviation 29, of ten 9.1: three of them.
	if clickers < 23 || clickers > 77 || above > 2 {
		t.Errorf("clickers: mean percentile %.1f, %d of %d intervals off ½", clickers, above, studies)
	}
}

// Where 23 of 30 read "5" and 7 "6", the votes of the few fall on fewer
// samples and two of these are among the top 5: the mean is worse than most
// random ones. The report warns, and the ensemble of each reading is clear.
func TestMajorityOfAMixture(t *testing.T) {
	r := study(t, 1, ensemble.SimulatedPanel(30, ensemble.Expert, 1)...)
	if s := r.All.Controls.Standing[0]; s.Percentile > 50 || r.All.Readings[0].People != 23 {
		t.Errorf("percentile %.1f of %d readings", s.Percentile, r.All.Readings[0].People)
	}
	if !strings.Contains(r.Markdown(), "This ensemble mixes readings: 3 read as “5”, 2 read as “6”.") {
		t.Errorf("no warning among %q", r.Warnings())
	}
	for _, rival := range r.All.Rivals.Rivals {
		own, mixed := psnr(rival.Image, glyph(rival.Reading)), psnr(r.All.Image, glyph(rival.Reading))
		if own < mixed+4 {
			t.Errorf("“%s”: %.1f dB to its own shape, the mixture %.1f", rival.Reading, own, mixed)
		}
	}
}

func TestReportScreened(t *testing.T) {
	people := append(ensemble.SimulatedPanel(20, ensemble.Expert, 1), ensemble.SimulatedPanel(10, ensemble.StraightLiner, 1)...)
	r := study(t, 1, people...)
	if r.Kept == r.All || r.Kept.Tally.Ballots != 20 || r.All.Tally.Ballots != 30 {
		t.Fatalf("kept %+v", r.Kept.Tally)
	}
	md := r.Markdown()
	for _, want := range []string{
		"# Trial digit\n", "## All participants\n", "## Without those set apart\n", "### What people read\n", "### Votes\n",
		"### Rival readings\n", "### Controls\n", "10 of 30 set apart", "drawn by lot, seed 1", "A tie decides the cut",
		"best 5 by psnr", "medoid 5", "mean of all 324", "20 people answered; the protocol plans 30", "is not the probability that it is true",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the report does not say %q:\n%s", want, md)
		}
	}
	if strings.Contains(strings.ToLower(md), "digit is ") {
		t.Error("the report says what the digit is")
	}
	if r.All.Image.Width != 5 || r.All.Range.Max == 0 {
		t.Errorf("image %d wide, range %+v", r.All.Image.Width, r.All.Range)
	}

	everybody := study(t, 1, ensemble.SimulatedPanel(3, ensemble.StraightLiner, 1)...)
	if everybody.Kept != nil || !strings.Contains(everybody.Markdown(), "No vote is left.") {
		t.Error("a report without anybody left has a result")
	}
}

// Projection is offered beside the mean, and called a departure.
func TestReportProjection(t *testing.T) {
	var samples []srspace.Sample
	for i := range 6 {
		m := picture.NewImage(28, 28)
		srspace.Noise(m.Pix, uint64(i), 1)
		samples = append(samples, srspace.Sample{Seed: uint64(i), Image: m})
	}
	lr, err := imresize.Downscale(samples[0].Image, 4)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ensemble.NewReport(t.Context(), "t", []ensemble.Ballot{vote("a", 6, "", 1, 2, 3)}, samples, ensemble.ReportOptions{
		Protocol:   ensemble.Method(),
		Projection: &ensemble.ProjectionOptions{LR: lr, Factor: 4, Consistency: lrPSNR, Name: "LR-PSNR in dB"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := r.All.Projected
	if p.After < p.Before+10 {
		t.Errorf("LR-PSNR %.1f before, %.1f after", p.Before, p.After)
	}
	want := fmt.Sprintf("LR-PSNR in dB: %.2f before, %.2f after", p.Before, p.After)
	if md := r.Markdown(); !strings.Contains(md, ensemble.Departure) || !strings.Contains(md, want) {
		t.Errorf("the report does not say %q:\n%s", want, md)
	}
	mean, _ := ensemble.Mean([]*picture.Image{samples[1].Image, samples[2].Image, samples[3].Image})
	if r.All.Image.Hash() != mean.Hash() {
		t.Error("the ensemble itself is not the mean")
	}
}

// What people write cannot break out of the report's tables.
func TestReportEscapes(t *testing.T) {
	samples := greys(9, 20)
	ballots := []ensemble.Ballot{vote("<b>|x|</b>", 9, "|<script>alert(1)</script>", 1, 2), vote("q", 9, "![](http://example.org/x.png)", 3)}
	r, err := ensemble.NewReport(t.Context(), "t", ballots, samples, ensemble.ReportOptions{Protocol: ensemble.Method()})
	if err != nil {
		t.Fatal(err)
	}
	md := r.Markdown()
	for _, bad := range []string{"<script", "<b>", "![](", "||<", " |x"} {
		if strings.Contains(md, bad) {
			t.Errorf("the report holds %q:\n%s", bad, md)
		}
	}
}

func TestReportErrors(t *testing.T) {
	o := ensemble.ReportOptions{Protocol: ensemble.Method(), Metrics: []ensemble.Metric{bright}}
	if _, err := ensemble.NewReport(t.Context(), "t", []ensemble.Ballot{vote("a", 9, "", 1)}, greys(1, 1), o); !errors.Is(err, ensemble.ErrSample) {
		t.Errorf("a sample without an image: error %v", err)
	}
	if _, err := ensemble.NewReport(t.Context(), "t", []ensemble.Ballot{vote("a", 9, "")}, greys(9, 1), o); !errors.Is(err, ensemble.ErrNoVotes) {
		t.Errorf("no votes: error %v", err)
	}
	if _, err := ensemble.NewReport(t.Context(), "t", []ensemble.Ballot{vote("a", 9, "", 1, 2, 3, 4, 5, 6)}, greys(9, 1), o); !errors.Is(err, ensemble.ErrBallot) {
		t.Errorf("over the cap: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ensemble.NewReport(ctx, "t", []ensemble.Ballot{vote("a", 9, "", 1)}, greys(9, 1), o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func ExampleNewReport() {
	samples, looks := glyphSpace(15, 0.6)
	p := ensemble.Task1()
	p.Samples, p.Combined = 15, 3
	ballots, err := ensemble.Simulate(&p, []ensemble.SimulatedTrial{{Name: "digit", Samples: looks}}, experts(30, 1), 1, noon)
	if err != nil {
		fmt.Println(err)
		return
	}
	truth := glyph("5")
	score := func(m *picture.Image) (float64, error) { return psnr(m, truth), nil }
	r, err := ensemble.NewReport(context.Background(), "digit", ballots, samples, ensemble.ReportOptions{
		Protocol: p, Metrics: []ensemble.Metric{{Name: "PSNR", Score: score}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := r.All.Controls
	fmt.Printf("%d people read “%s”; better than %.0f %% of %d ensembles\n",
		r.All.Readings[0].People, r.All.Readings[0].Reading, c.Standing[0].Percentile, len(c.Random))
	// Output: 29 people read “5”; better than 100 % of 455 ensembles
}
