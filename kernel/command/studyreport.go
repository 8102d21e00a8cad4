package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/plane"
)

func studySimulateCommand() *cobra.Command {
	var people int
	var behaviour, store string
	var seed uint64
	c := &cobra.Command{
		Use:   "simulate FILE",
		Short: "Let simulated participants take part, through the real pages' server",
		Long: `Runs a whole study in seconds: simulated participants join, look at the
pictures with the digit reader, click and hand in through the same server as
people. Their votes go to a store of their own. They prove nothing about people.`,
		Example: `  go run ./kernel study simulate study.yaml --people 30
  go run ./kernel study simulate study.yaml --people 30 --behaviour uniform
  go run ./kernel study report study.yaml --store study.simulated.db -o report/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if store == "" {
				store = strings.TrimSuffix(args[0], filepath.Ext(args[0])) + ".simulated.db"
			}
			if _, err := os.Stat(store); err == nil {
				return srspace.WithHint(fmt.Errorf("%s has votes already", store), "remove it, or name another with --store")
			}
			v, _, err := openStudy(args[0], store, study.Options{})
			if err != nil {
				return err
			}
			defer v.Close()
			panel, err := simulatedPanel(people, behaviour, seed)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			server := v.HTTPServer()
			go server.Serve(l) // until it is closed
			defer server.Close()
			bar := newBar("participants", people)
			simulation := study.Simulation{URL: "http://" + l.Addr().String(), Room: v.Room, Together: 50, Progress: func(done, _ int) { bar.Set(done) },
				Look: func(images []*srspace.Image) ([]ensemble.Appearance, error) {
					if !isDigit(images[0]) {
						return nil, errors.New("simulated participants read digits of 28×28 pixels only")
					}
					looks, _, err := readDigits(images)
					return looks, err
				}}
			waits, err := simulation.Run(c.Context(), panel)
			if err != nil {
				fmt.Fprintln(os.Stderr)
				return fmt.Errorf("simulate: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d participants in %s; a pick was stored in %.0f ms, 99 of 100 in %.0f ms\nreport: go run ./kernel study report %s --store %s -o report/\n",
				people, store, float64(waits[len(waits)/2].Microseconds())/1000, float64(waits[len(waits)*99/100].Microseconds())/1000, args[0], store)
			return nil
		},
	}
	c.Flags().IntVar(&people, "people", 30, "number of participants")
	c.Flags().StringVar(&behaviour, "behaviour", string(ensemble.Expert), fmt.Sprintf("one of %q, or mix", ensemble.Behaviours))
	c.Flags().Uint64Var(&seed, "seed", 1, "decides what they do")
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .simulated.db")
	return c
}

// simulatedPanel makes participants of one behaviour, or of all in turn.
func simulatedPanel(people int, behaviour string, seed uint64) ([]ensemble.SimulatedParticipant, error) {
	if people < 1 || people > 10_000 {
		return nil, fmt.Errorf("%d participants: 1 to 10000", people)
	}
	if behaviour != "mix" {
		if !slices.Contains(ensemble.Behaviours, ensemble.Behaviour(behaviour)) {
			return nil, fmt.Errorf("behaviour %q is none of %q or mix", behaviour, ensemble.Behaviours)
		}
		return ensemble.SimulatedPanel(people, ensemble.Behaviour(behaviour), seed), nil
	}
	var panel []ensemble.SimulatedParticipant
	for i := range people {
		one := ensemble.SimulatedPanel(people, ensemble.Behaviours[i%len(ensemble.Behaviours)], seed)
		panel = append(panel, one[i])
	}
	return panel, nil
}

func studyReportCommand() *cobra.Command {
	var store, out string
	c := &cobra.Command{
		Use:   "report FILE",
		Short: "Write the study's report: Table 1, Fig. 4, votes, ties, controls, rivals",
		Long: `Writes report.md with everything; table1.md and table1.csv, what people read,
with intervals; fig4.png, for each trial the LR picture, the most picked samples,
their mean and one mean for each rival reading; and ballots.csv. Beside each
ensemble stand random ones of the same samples: what choosing added. Nothing says
which reading is true.`,
		Example: "  go run ./kernel study report study.yaml -o report/",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v, s, err := openVotes(args[0], store)
			if err != nil {
				return err
			}
			defer v.Close()
			return reportStudy(c, v, s, out)
		},
	}
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
	c.Flags().StringVarP(&out, "out", "o", "report", "folder to write to")
	return c
}

func reportStudy(c *cobra.Command, v *study.Server, s *study.Study, out string) error {
	ballots, err := v.Ballots(c.Context())
	if err != nil {
		return err
	}
	if len(ballots) == 0 {
		return srspace.WithHint(errors.New("no ballots yet"), "serve or simulate the study first")
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	var reports []*ensemble.Report
	var shown []study.TrialSamples
	for _, t := range v.Trials() {
		if len(ensemble.OfTrial(ballots, t.Name)) == 0 {
			fmt.Fprintf(os.Stderr, "%s: no ballots, left out\n", t.Name)
			continue
		}
		r, err := reportTrial(c.Context(), s, t, ballots)
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
		var b bytes.Buffer
		if err := png.Encode(&b, figure); err != nil {
			return err
		}
		files["fig4"+number+".png"] = b.Bytes()
	}
	files["report.md"] = []byte(text)
	if tables != "" {
		files["table1.md"] = []byte(tables)
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

// reportTrial makes the report of one trial, with what the digit reader reads
// where the samples are digits.
func reportTrial(ctx context.Context, s *study.Study, t study.TrialSamples, ballots []ensemble.Ballot) (*ensemble.Report, error) {
	options := ensemble.ReportOptions{Protocol: t.Protocol, Rule: ensemble.TieRule(s.Ties), Seed: s.Seed, Screening: s.Screening()}
	bar := newBar(t.Name+": control ensembles", 1)
	options.Controls.Progress = func(done, total int) { bar.ChangeMax(total); bar.Set(done) }
	if t.Space.LR() != nil {
		var err error
		if options.Metrics, err = tallyMetrics(t.Space, ""); err != nil {
			return nil, err
		}
	}
	if isDigit(t.Samples[0].Image) {
		var pictures []*srspace.Image
		for _, sample := range t.Samples {
			pictures = append(pictures, sample.Image)
		}
		_, read, err := readDigits(pictures)
		if err != nil {
			return nil, err
		}
		options.Readings = map[uint64]string{}
		for i, sample := range t.Samples {
			options.Readings[sample.Seed] = read[i]
		}
	}
	return ensemble.NewReport(ctx, t.Name, ballots, t.Samples, options)
}

// figure4 is the paper's Fig. 4 (d) and (e): the most picked samples, their
// mean, and beside it one mean for each rival reading.
func figure4(r *ensemble.Report, t study.TrialSamples) (image.Image, error) {
	bySeed := map[uint64]*srspace.Image{}
	for _, sample := range t.Samples {
		bySeed[sample.Seed] = sample.Image
	}
	var labels []string
	var images []*srspace.Image
	add := func(label string, img *srspace.Image) { labels, images = append(labels, label), append(images, img) }
	first := t.Samples[0].Image
	if lr := t.Space.LR(); lr != nil && first.Width%lr.Width == 0 && first.Height%lr.Height == 0 {
		add("LR", enlarged(lr, first.Width/lr.Width))
	}
	for _, seed := range r.All.Selection.Chosen {
		add(r.All.Tally.Of(seed).Label(), bySeed[seed])
	}
	add("their mean", r.All.Image)
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Image != nil {
			add(rival.Label(), rival.Image)
		}
	}
	return plane.Labelled(labels, images, min(len(images), 8))
}

// enlarged repeats every pixel n × n times.
func enlarged(m *srspace.Image, n int) *srspace.Image {
	out := srspace.NewImage(m.Width*n, m.Height*n)
	for y := range out.Height {
		for x := range out.Width {
			copy(out.Pix[3*(y*out.Width+x):][:3], m.Pix[3*(y/n*m.Width+x/n):])
		}
	}
	return out
}
