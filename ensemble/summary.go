package ensemble

import (
	"fmt"
	"math"
	"strings"
)

// Advantage is what choosing gained over choosing by lot by one metric, over
// all trials of a study.
type Advantage struct {
	Metric string

	// Gains are, by trial, the score of the chosen ensemble less the median
	// of the random ones, with the sign turned where lower is better.
	Gains []float64

	Mean       float64    // gain
	Interval   Interval   // 95 % bootstrap interval of Mean over trials
	Percentile float64    // mean over trials; 50 by lot
	Test       PairedTest // Wilcoxon's, of Gains against 0
}

// Advantages compares the chosen ensembles of several trials with random ones
// by every metric. One trial says little: its percentile is uniform between 0
// and 100 where people choose by lot. Each report must have controls by the
// same metrics; otherwise it fails. The bootstrap is decided by the first
// report's seed.
func Advantages(reports []*Report) ([]Advantage, error) {
	if len(reports) == 0 {
		return nil, fmt.Errorf("advantages of no trials: %w", ErrEmpty)
	}
	var out []Advantage
	for j, m := range reports[0].Options.Metrics {
		a := Advantage{Metric: m.Name}
		for _, r := range reports {
			c := r.All.Controls
			if c == nil || len(c.Metrics) != len(reports[0].Options.Metrics) || c.Metrics[j].Name != m.Name {
				return nil, fmt.Errorf("advantages: trial %q has no controls by %s", r.Trial, m.Name)
			}
			gain := 0.0 // both may be infinite, as PSNR is of equal images
			if human, lot := c.Human.Scores[j], c.quantiles(j, 0.5)[0]; human != lot {
				gain = human - lot
			}
			if m.LowerIsBetter {
				gain = -gain
			}
			a.Gains = append(a.Gains, gain)
			a.Percentile += c.Standing[j].Percentile / float64(len(reports))
		}
		for _, g := range a.Gains {
			a.Mean += g / float64(len(a.Gains))
		}
		a.Interval = BootstrapMean(a.Gains, 2000, reports[0].Options.Seed, 0.95).Interval
		a.Test = Wilcoxon(a.Gains)
		out = append(out, a)
	}
	return out, nil
}

// SummaryMarkdown returns the trials of a study as a Markdown table, one line
// a trial, and what choosing gained over choosing by lot over all of them
// ([Advantages]), where there are controls and more than one trial: the
// percentile of one alone is uniform where people choose by lot.
func SummaryMarkdown(reports []*Report) (string, error) {
	if len(reports) == 0 {
		return "", fmt.Errorf("summary of no trials: %w", ErrEmpty)
	}
	var s strings.Builder
	metrics := reports[0].Options.Metrics
	s.WriteString("| trial | ballots | votes | decided by | combined | least inclusion")
	for _, m := range metrics {
		fmt.Fprintf(&s, " | percentile, %s", cell(m.Name))
	}
	s.WriteString(" | warnings |\n|---|---:|---:|---|---:|---:" + strings.Repeat("|---:", len(metrics)) + "|---:|\n")
	for _, r := range reports {
		a := r.All
		decided := "votes"
		if !a.Selection.Decided() {
			decided = fmt.Sprintf("a tie of %d for %d", len(a.Selection.Tied), a.Selection.Places)
		}
		least := math.Inf(1)
		chosen := make(map[uint64]bool)
		for _, c := range a.Selection.Chosen {
			chosen[c] = true
		}
		for _, in := range a.Inclusion {
			if chosen[in.Sample] {
				least = min(least, in.Probability)
			}
		}
		fmt.Fprintf(&s, "| %s | %d | %d | %s | %d | %.2f", cell(r.Trial), a.Tally.Ballots, a.Tally.Picks, decided, len(a.Selection.Chosen), least)
		for j := range metrics {
			if a.Controls == nil || j >= len(a.Controls.Standing) {
				return "", fmt.Errorf("summary: trial %q has no controls by %s", r.Trial, metrics[j].Name)
			}
			fmt.Fprintf(&s, " | %.1f", a.Controls.Standing[j].Percentile)
		}
		fmt.Fprintf(&s, " | %d |\n", len(a.Warnings))
	}
	if len(metrics) == 0 || len(reports) == 1 {
		return s.String(), nil
	}
	advantages, err := Advantages(reports)
	if err != nil {
		return "", err
	}
	s.WriteString("\nWhat the choice of people gained over the median of random ensembles of as many samples, over all trials:\n\n")
	s.WriteString("| metric | mean gain | 95 %, bootstrap over trials | mean percentile | two-sided p, Wilcoxon |\n|---|---:|---:|---:|---:|\n")
	for _, a := range advantages {
		fmt.Fprintf(&s, "| %s | %+.3g | %+.3g to %+.3g | %.1f | %s |\n", cell(a.Metric), a.Mean, a.Interval.Low, a.Interval.High, a.Percentile, pValue(a.Test.P))
	}
	return s.String(), nil
}
