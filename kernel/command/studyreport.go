package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

func studyReportCommand() *cobra.Command {
	var store, out string
	var o reportOptions
	c := &cobra.Command{
		Use:   "report FILE",
		Short: "Write the study's report: Table 1, Fig. 4, votes, ties, controls, rivals",
		Long: `Writes report.md with everything; table1.md and table1.csv, what people read,
with intervals; fig4.png, for each trial the LR picture, the most picked samples,
their mean and one mean for each rival reading; ensemble.png, the mean alone;
plane.png, the mean among random ones of the same samples by the first two
metrics: what choosing added; and ballots.csv. Where the truth is known, hr: in
the study file or --hr names it. Who is set apart is counted with and without.
Nothing says which reading is true.`,
		Example: `  go run ./kernel study report study.yaml -o report/
  go run ./kernel study report study.yaml --hr trial-1=truth.png --metrics psnr/rgb/crop0,dists/noresize -o report/
  go run ./kernel study report study.yaml --min-time 3s --min-agreement 0 -o report/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v, s, err := openVotes(args[0], store)
			if err != nil {
				return err
			}
			defer v.Close()
			return reportStudy(c, v, s, o, out)
		},
	}
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
	c.Flags().StringVarP(&out, "out", "o", "report", "folder to write to")
	o.register(c)
	return c
}

func reportStudy(c *cobra.Command, v *study.Votes, s *study.Study, o reportOptions, out string) error {
	ballots, err := v.Ballots(c.Context())
	if err != nil {
		return err
	}
	if len(ballots) == 0 {
		return hint.With(errors.New("no ballots yet"), "serve or simulate the study first")
	}
	if _, err := o.screening(s.Screening()); err != nil {
		return err
	}
	if err := o.checkTrials(trialNames(s)); err != nil {
		return err
	}
	var reports []*ensemble.Report
	var shown []study.TrialSamples
	for _, t := range v.Trials() {
		if len(ensemble.OfTrial(ballots, t.Name)) == 0 {
			fmt.Fprintf(os.Stderr, "%s: no ballots, left out\n", t.Name)
			continue
		}
		r, err := o.reportTrial(c.Context(), s, t, ballots)
		if err != nil {
			return fmt.Errorf("trial %s: %w", t.Name, err)
		}
		reports, shown = append(reports, r), append(shown, t)
	}
	summary, err := ensemble.SummaryMarkdown(reports)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# %s\n\n%s\n", s.Title, summary)
	files, tables := map[string][]byte{}, ""
	for i, r := range reports {
		text += "\n" + r.Markdown()
		number := "" // of several trials
		if len(reports) > 1 {
			number = fmt.Sprintf("-%02d", i+1)
		}
		if s.ProtocolRules().Reading != ensemble.NoReading {
			tables += fmt.Sprintf("## %s\n\n%s\n", r.Trial, ensemble.Table1Markdown(r.All.Readings))
			var lines bytes.Buffer
			if err := ensemble.Table1CSV(&lines, r.All.Readings); err != nil {
				return err
			}
			files["table1"+number+".csv"] = lines.Bytes()
		}
		figure, err := figure4(r, shown[i])
		if err != nil {
			return err
		}
		pictures := map[string]image.Image{"fig4": figure, "ensemble": r.All.Image.NRGBA()}
		if p := r.All.Projected; p != nil {
			pictures["projected"] = p.Image.NRGBA()
		}
		for name, img := range pictures {
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				return err
			}
			files[name+number+".png"] = b.Bytes()
		}
		cloud, err := controlPlane(r)
		if err != nil {
			return err
		}
		if cloud != nil {
			files["plane"+number+".png"] = cloud
		}
	}
	files["report.md"] = []byte(text)
	if tables != "" {
		files["table1.md"] = []byte(tables)
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for name, data := range files {
		if err := atomicfile.Write(filepath.Join(out, name), data); err != nil {
			return err
		}
	}
	if err := ensemble.WriteBallots(filepath.Join(out, "ballots.csv"), ballots); err != nil {
		return err
	}
	fmt.Fprint(c.OutOrStdout(), summary)
	fmt.Fprintf(c.OutOrStdout(), "\nall of it: %s\n", filepath.Join(out, "report.md"))
	return nil
}

func trialNames(s *study.Study) []string {
	var names []string
	for _, t := range s.Trials {
		names = append(names, t.Name)
	}
	return names
}

// reportTrial makes the report of one trial, with what the digit reader reads
// where the samples are digits.
func (o *reportOptions) reportTrial(ctx context.Context, s *study.Study, t study.TrialSamples, ballots []ensemble.Ballot) (*ensemble.Report, error) {
	options := ensemble.ReportOptions{Protocol: t.Protocol, Rule: ensemble.TieRule(s.Ties), Seed: s.Seed}
	var err error
	if options.Screening, err = o.screening(s.Screening()); err != nil {
		return nil, err
	}
	names := trialNames(s)
	hr, err := o.truth(t.Name, s.HRPath(s.Trials[slices.Index(names, t.Name)]), names)
	if err != nil {
		return nil, err
	}
	if err := o.trialOptions(t.Space, t.Samples, hr, &options); err != nil {
		return nil, err
	}
	bar := newBar(t.Name+": control ensembles", 1)
	options.Controls.Progress = func(done, total int) { bar.ChangeMax(total); bar.Set(done) }
	return ensemble.NewReport(ctx, t.Name, ballots, t.Samples, options)
}

// figure4 is the paper's Fig. 4 (d) and (e): the most picked samples, their
// mean, and beside it one mean for each rival reading.
func figure4(r *ensemble.Report, t study.TrialSamples) (image.Image, error) {
	bySeed := map[uint64]*picture.Image{}
	for _, sample := range t.Samples {
		bySeed[sample.Seed] = sample.Image
	}
	var labels []string
	var images []*picture.Image
	add := func(label string, img *picture.Image) { labels, images = append(labels, label), append(images, img) }
	first := t.Samples[0].Image
	if lr := t.Space.LR(); lr != nil && first.Width%lr.Width == 0 && first.Height%lr.Height == 0 {
		add("LR", enlarged(lr, first.Width/lr.Width))
	}
	for _, seed := range r.All.Selection.Chosen {
		add(r.All.Tally.Of(seed).Label(), bySeed[seed])
	}
	combined := "their mean"
	switch r.Options.Combine {
	case ensemble.ByMedian:
		combined = "their median"
	case ensemble.ByVotes:
		combined = "mean by votes"
	}
	add(combined, r.All.Image)
	if p := r.All.Projected; p != nil {
		add("onto the LR", p.Image)
	}
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Image != nil {
			add(rival.Label(), rival.Image)
		}
	}
	return plane.Labelled(labels, images, min(len(images), 8))
}

// enlarged repeats every pixel n × n times.
func enlarged(m *picture.Image, n int) *picture.Image {
	out := picture.NewImage(m.Width*n, m.Height*n)
	for y := range out.Height {
		for x := range out.Width {
			copy(out.Pix[3*(y*out.Width+x):][:3], m.Pix[3*(y/n*m.Width+x/n):])
		}
	}
	return out
}
