package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
)

// printScoreJSON prints all scores, the means with their intervals, and the
// notes.
func printScoreJSON(w io.Writer, table *metrics.Table, notes *app.ScoreNotes) error {
	type entry struct {
		Method string        `json:"method"`
		Image  string        `json:"image"`
		Score  metrics.Score `json:"score"`
	}
	type mean struct {
		Method   string           `json:"method"`
		Metric   string           `json:"metric"`
		Interval metrics.Interval `json:"mean_and_95_percent_interval"`
	}
	var out struct {
		Scores []entry         `json:"scores"`
		Means  []mean          `json:"means"`
		Notes  []app.ScoreNote `json:"notes,omitempty"`
	}
	for _, e := range table.Entries() {
		out.Scores = append(out.Scores, entry{e.Row, e.Image, e.Score})
	}
	for _, row := range table.Rows() {
		for _, c := range table.Columns() {
			out.Means = append(out.Means, mean{row, c.ID, table.Cell(row, c.ID)})
		}
	}
	out.Notes = notes.List
	return printJSON(w, out)
}

func printJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(b))
	return err
}

// scoreExplain prints each pair under all presets.
func scoreExplain(c *cobra.Command, o scoreOptions) error {
	type explained struct {
		Method string         `json:"method"`
		Image  string         `json:"image"`
		Preset string         `json:"preset"`
		Call   string         `json:"call"`
		Score  *metrics.Score `json:"score,omitempty"`
		Metric string         `json:"metric"`
		Reason string         `json:"no_score,omitempty"`
	}
	var all []explained
	var b bar
	o.Progress = func(done, total int) {
		if b == nil {
			b = newBar("conventions", total)
		}
		b.Set(done)
	}
	notes, err := app.Explain(c.Context(), o.ScoreOptions, func(pair app.Explained) error {
		b = nil
		if !o.json {
			return printExplanation(c.OutOrStdout(), pair)
		}
		for _, r := range pair.Rows {
			e := explained{Method: pair.Method, Image: pair.Image, Preset: r.Preset, Call: r.Call, Metric: r.Score.Passport.ID}
			if r.Err != nil {
				e.Reason = r.Err.Error()
			} else {
				e.Score = &r.Score
			}
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return inFlags(err)
	}
	printNotes(os.Stderr, notes)
	if o.json {
		return printJSON(c.OutOrStdout(), all)
	}
	return nil
}

func printExplanation(w io.Writer, p app.Explained) error {
	fmt.Fprintf(w, "%s against %s, %d×%d\n\n", p.SR, p.HR, p.Width, p.Height)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "preset\tscore\tunit\tconvention\tthere")
	preset := ""
	var missing []string // metric and reason, once for all presets
	unscored := 0
	for _, r := range p.Rows {
		if r.Err != nil {
			unscored++
			note := r.Score.Passport.ID + ": " + strings.TrimPrefix(r.Err.Error(), r.Score.Passport.ID+": ")
			if !slices.Contains(missing, note) {
				missing = append(missing, note)
			}
			continue
		}
		name := r.Preset
		if name == preset {
			name = ""
		}
		preset = r.Preset
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", name, metrics.FormatScore(r.Score.Value, r.Score.Passport), r.Score.Passport.Unit, r.Score.Passport.ID, r.Call)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if unscored > 0 {
		fmt.Fprintf(w, "%d more have no score here:\n  %s\n", unscored, strings.Join(missing, "\n  "))
	}
	_, err := fmt.Fprintln(w)
	return err
}

// scoreDoctor prints published scores beside ours; one that differs is an
// error.
func scoreDoctor(c *cobra.Command, o scoreOptions) error {
	bar := newBar("published scores", 1)
	rows, err := metrics.Calibrate(o.data, func(done, total int) {
		bar.ChangeMax(total)
		bar.Set(done)
	})
	if err != nil {
		return err
	}
	differ := 0
	hints := map[string]bool{}
	out := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "pair\tmetric\tours\tpublished\t\tsource")
	type checked struct {
		metrics.Published
		Ours   any
		Agrees bool
		Reason string `json:",omitempty"`
	}
	var all []checked
	for _, r := range rows {
		ours, verdict := "–", "ok"
		entry := checked{Published: r.Published, Agrees: r.Agrees()}
		switch {
		case r.Err != nil:
			verdict = "not checked: " + strings.TrimPrefix(r.Err.Error(), r.Metric+": ")
			if h := adviceOn(r.Err); h != "" {
				hints[h] = true
			}
			entry.Reason = r.Err.Error()
		default:
			ours, entry.Ours = fmt.Sprintf("%.*f", r.Decimals()+1, r.Ours), r.Ours
			if !r.Agrees() {
				verdict = "differs"
				differ++
			}
		}
		all = append(all, entry)
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Image, r.Metric, ours, r.Value, verdict, r.Source)
	}
	if o.json {
		if err := printJSON(c.OutOrStdout(), all); err != nil {
			return err
		}
	} else if err := out.Flush(); err != nil {
		return err
	}
	for h := range hints {
		fmt.Fprintln(os.Stderr, "hint:", h)
	}
	if o.data == "" {
		fmt.Fprintln(os.Stderr, "hint: only the pairs built in; name a folder of public pairs with --data")
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d scores differ from the published ones", differ, len(rows))
	}
	return nil
}
