package ensemble

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/internal/bootstrap"
)

// Advantage is what choosing gained over choosing by lot by one metric, over
// all trials of a study.
type Advantage struct {
	Metric string

	// Gains are, by trial that has controls by the metric, the score of the chosen ensemble less the median
	// of the random ones, with the sign turned where lower is better.
	Gains []float64

	Mean       float64          // gain
	Interval   stats.Interval   // 95 % bootstrap interval of Mean over trials
	Percentile float64          // mean over trials; 50 by lot
	Test       stats.PairedTest // Wilcoxon's, of Gains against 0
}

// Advantages compares the chosen ensembles of several trials with random ones
// by every metric, in the order in which the trials have them. One trial says
// little: its percentile is uniform between 0 and 100 where people choose by
// lot. Trials without controls by a metric, such as those without an HR
// picture, do not count for it; nor do golden trials. The bootstrap is decided by the first report's
// seed.
func Advantages(reports []*Report) ([]Advantage, error) {
	if len(reports) == 0 {
		return nil, fmt.Errorf("advantages of no trials: %w", ErrEmpty)
	}
	counted := withoutGolden(reports)
	if len(counted) == 0 {
		return nil, fmt.Errorf("advantages of golden trials alone: %w", ErrEmpty)
	}
	return advantages(counted, func(r *Report) *Result { return r.All }), nil
}

// withoutGolden leaves out the trials that serve to judge participants.
func withoutGolden(reports []*Report) []*Report {
	return slices.DeleteFunc(slices.Clone(reports), func(r *Report) bool { return r.Golden })
}

func advantages(reports []*Report, of func(*Report) *Result) []Advantage {
	var out []Advantage
	for _, name := range scoredBy(reports) {
		a := Advantage{Metric: name}
		for _, r := range reports {
			c, j := controlsBy(of(r), name)
			if c == nil {
				continue
			}
			gain := 0.0 // both may be infinite, as PSNR is of equal images
			if human, lot := c.Human.Scores[j], c.Median(j); human != lot {
				gain = human - lot
			}
			if c.Metrics[j].LowerIsBetter {
				gain = -gain
			}
			a.Gains = append(a.Gains, gain)
			a.Percentile += c.Standing[j].Percentile
		}
		if len(a.Gains) == 0 {
			continue
		}
		for _, g := range a.Gains {
			a.Mean += g / float64(len(a.Gains))
		}
		a.Percentile /= float64(len(a.Gains))
		a.Interval = stats.BootstrapMean(a.Gains, bootstrap.Resamples, reports[0].Options.Seed, 0.95)
		a.Test = stats.Wilcoxon(a.Gains)
		out = append(out, a)
	}
	return out
}

// scoredBy are the names of all metrics of the reports.
func scoredBy(reports []*Report) []string {
	var names []string
	for _, r := range reports {
		for _, m := range r.Options.Metrics {
			if !slices.Contains(names, m.Name) {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

// controlsBy are a result's controls with the index of a metric, nil where
// there are none by it.
func controlsBy(r *Result, metric string) (*Controls, int) {
	if r == nil || r.Controls == nil {
		return nil, 0
	}
	j := slices.IndexFunc(r.Controls.Metrics, func(m Metric) bool { return m.Name == metric })
	if j < 0 {
		return nil, 0
	}
	return r.Controls, j
}

// SummaryMarkdown returns the trials of a study as a Markdown table, one line
// a trial, how far people agree in what they read, and what choosing gained
// over choosing by lot over all trials ([Advantages]), where there is more
// than one: the percentile of one alone is uniform where people choose by lot.
// Where people are set apart all of it follows once more without them.
func SummaryMarkdown(reports []*Report) (string, error) {
	if len(reports) == 0 {
		return "", fmt.Errorf("summary of no trials: %w", ErrEmpty)
	}
	var s strings.Builder
	if note := reports[0].Note(); note != "" {
		fmt.Fprintf(&s, "**%s**\n\n", note)
	}
	summarize(&s, reports, func(r *Report) *Result { return r.All })
	if apart := slices.ContainsFunc(reports, func(r *Report) bool { return r.Kept != r.All }); apart {
		n := 0
		for _, c := range reports[0].Conducts {
			if len(c.Reasons) > 0 {
				n++
			}
		}
		fmt.Fprintf(&s, "\nWithout the %d of %d people set apart:\n\n", n, len(reports[0].Conducts))
		summarize(&s, reports, func(r *Report) *Result { return r.Kept })
	}
	return s.String(), nil
}

func summarize(s *strings.Builder, reports []*Report, of func(*Report) *Result) {
	metrics := scoredBy(reports)
	s.WriteString("| trial | ballots | votes | decided by | combined | least inclusion | α of picks")
	for _, m := range metrics {
		fmt.Fprintf(s, " | percentile, %s", cell(m))
	}
	s.WriteString(" | warnings |\n|---|---:|---:|---|---:|---:|---:" + strings.Repeat("|---:", len(metrics)) + "|---:|\n")
	var concord, withGolden Concord
	for _, r := range reports {
		a := of(r)
		if a == nil {
			fmt.Fprintf(s, "| %s | no vote is left |\n", cell(r.Trial))
			continue
		}
		concord, withGolden = a.Reading, a.Golden // the same of every trial
		name := cell(r.Trial)
		if r.Golden {
			name += " (golden)"
		}
		fmt.Fprintf(s, "| %s | %d | %d | %s | %d | %.2f | %s", name, a.Tally.Ballots, a.Tally.Picks, a.Selection.decidedBy(),
			len(a.Selection.Chosen), a.leastInclusion(), number(a.Agreement, "%.3f"))
		for _, m := range metrics {
			if c, j := controlsBy(a, m); c != nil {
				fmt.Fprintf(s, " | %s", c.Standing[j])
			} else {
				s.WriteString(" | –")
			}
		}
		fmt.Fprintf(s, " | %d |\n", len(a.Warnings))
	}
	if text := concordSentence(concord, withGolden); text != "" {
		s.WriteString("\n" + text + "\n")
	}
	counted := withoutGolden(reports)
	gains(s, counted, of, "over all trials")
	if golden := len(reports) - len(counted); golden > 0 && len(counted) > 0 {
		gains(s, reports, of, fmt.Sprintf("with %s, which serve to judge participants", plural(golden, "golden trial")))
	}
}

// gains is a table of what choosing gained, where there are several trials.
func gains(s *strings.Builder, reports []*Report, of func(*Report) *Result, over string) {
	gained := advantages(reports, of)
	if len(gained) == 0 || len(reports) == 1 {
		return
	}
	fmt.Fprintf(s, "\nWhat the choice of people gained over the median of random ensembles of as many samples, %s:\n\n", over)
	s.WriteString("| metric | trials | mean gain | 95 %, bootstrap over trials | mean percentile | two-sided p, Wilcoxon |\n|---|---:|---:|---:|---:|---:|\n")
	for _, a := range gained {
		fmt.Fprintf(s, "| %s | %d | %+.3g | %+.3g to %+.3g | %.1f | %s |\n", cell(a.Metric), len(a.Gains), a.Mean, a.Interval.Low, a.Interval.High, a.Percentile, pValue(a.Test.P))
	}
}

// leastInclusion is the least probability of a chosen sample to be chosen by
// other people.
func (r *Result) leastInclusion() float64 {
	least := math.Inf(1)
	for _, in := range r.Inclusion {
		if slices.Contains(r.Selection.Chosen, in.Sample) {
			least = min(least, in.Probability)
		}
	}
	return least
}
