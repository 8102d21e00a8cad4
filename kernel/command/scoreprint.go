package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// printScoreJSON prints all scores, the means with their intervals, and the
// notes.
func printScoreJSON(w io.Writer, table *metrics.Table, notes *scoreNotes) error {
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
		Scores []entry     `json:"scores"`
		Means  []mean      `json:"means"`
		Notes  []scoreNote `json:"notes,omitempty"`
	}
	for _, e := range table.Entries() {
		out.Scores = append(out.Scores, entry{e.Row, e.Image, e.Score})
	}
	for _, row := range table.Rows() {
		for _, c := range table.Columns() {
			out.Means = append(out.Means, mean{row, c.ID, table.Cell(row, c.ID)})
		}
	}
	out.Notes = notes.list
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
	if o.hr == "" {
		return hint.With(fmt.Errorf("--explain compares with HR images, and there is no --hr"), "name the folder or the file with --hr")
	}
	set, err := openScoreSet(o, nil)
	if err != nil {
		return err
	}
	notes := &scoreNotes{missing: map[string]bool{}}
	set.noteFiles(os.Stderr, notes)
	notes.print(os.Stderr)
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
	for _, g := range set.groups() {
		pictures, refs, err := set.load(g)
		if err != nil {
			return err
		}
		for i, p := range g.pictures {
			if err := c.Context().Err(); err != nil {
				return err
			}
			bar := newBar("conventions", 1)
			rows, err := metrics.ExplainAt(pictures[i], refs[metrics.HR], refs[metrics.LR], o.scale, func(done, total int) {
				bar.ChangeMax(total)
				bar.Set(done)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
			for k := range rows {
				if err := metrics.CheckLuma(rows[k].Score.Passport.ID, p.path, g.hr); err != nil {
					rows[k].Err = err
				}
			}
			if o.json {
				for _, r := range rows {
					e := explained{Method: p.method, Image: p.name, Preset: r.Preset, Call: r.Call, Metric: r.Score.Passport.ID}
					if r.Err != nil {
						e.Reason = r.Err.Error()
					} else {
						e.Score = &r.Score
					}
					all = append(all, e)
				}
				continue
			}
			if err := printExplanation(c.OutOrStdout(), p, g.hr, pictures[i], rows); err != nil {
				return err
			}
		}
	}
	if o.json {
		return printJSON(c.OutOrStdout(), all)
	}
	return nil
}

func printExplanation(w io.Writer, p scorePicture, hr string, image *picture.Image, rows []metrics.Explanation) error {
	fmt.Fprintf(w, "%s against %s, %d×%d\n\n", p.path, hr, image.Width, image.Height)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "preset\tscore\tunit\tconvention\tthere")
	preset := ""
	var missing []string // metric and reason, once for all presets
	unscored := 0
	for _, r := range rows {
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
			if h := hint.Of(r.Err); h != "" {
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

// writeMaps writes the maps of the metrics that have them into
// dir/METHOD/IMAGE.METRIC.png: errors in decibels as their root, black none and
// white 51 of 255; other scores black the worst of [0,1] and white the best.
// LR consistency has the signed residual too, grey where there is none, eight
// times enlarged.
func writeMaps(ctx context.Context, dir string, set *scoreSet, chosen []metrics.Metric) error {
	for _, g := range set.groups() {
		pictures, refs, err := set.load(g)
		if err != nil {
			return err
		}
		for i, p := range g.pictures {
			if err := ctx.Err(); err != nil {
				return err
			}
			folder := filepath.Join(dir, strings.Trim(strings.ReplaceAll(p.method, string(filepath.Separator), "-"), ".-"))
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			path := func(what string) string {
				return filepath.Join(folder, strings.ReplaceAll(p.name, "/", "-")+"."+strings.ReplaceAll(what, "/", "-")+".png")
			}
			for _, m := range chosen {
				info := m.Info()
				mapper, ok := m.(metrics.Mapper)
				ref := refs[info.Reference]
				if !ok || ref == nil || metrics.CheckLuma(info.ID, p.path, g.hr) != nil {
					continue
				}
				values, err := mapper.Map(pictures[i], ref)
				if app.NoScore(err) {
					continue
				}
				if err != nil {
					return fmt.Errorf("%s: %w", p.path, err)
				}
				if err := mapImage(values, info).WritePNG(path(info.ID)); err != nil {
					return err
				}
				if info.Reference == metrics.LR {
					residual, err := metrics.LRResidual(pictures[i], ref, 8)
					if err != nil {
						return fmt.Errorf("%s: %w", p.path, err)
					}
					if err := residual.WritePNG(path("lr-residual")); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func mapImage(values *metrics.Map, info metrics.Info) *picture.Image {
	switch {
	case info.Unit == "dB": // a map of squared errors
		root := metrics.NewMap(values.Width, values.Height)
		for i, v := range values.Values {
			root.Values[i] = math.Sqrt(v)
		}
		return root.Image(0, 51)
	case info.Direction == metrics.LowerIsBetter:
		return values.Image(1, 0)
	}
	return values.Image(0, 1)
}
