package command

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/plane"
)

// tallyOptions are the flags of tally.
type tallyOptions struct {
	ballots, space, hr, protocol, trial, tie, out string
	seed                                          uint64
	simulate                                      int
	behaviour                                     string
}

func tallyCommand() *cobra.Command {
	var o tallyOptions
	c := &cobra.Command{
		Use:   "tally",
		Short: "Count ballots, average the most voted samples, and report how sure one may be",
		Long: `Counts the votes for the samples of a space, averages the most voted, and
writes a report: votes and the tie rule, readings with intervals, how stable
the cut is, one ensemble for each rival reading, and where the chosen ensemble
stands among random ones. With --simulate the ballots are made up: by people
who see what the digit reader sees, or who click anyhow.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel tally --space space/ --simulate 30 -o report/
  go run ./kernel tally --space space/ --simulate 30 --behaviour uniform -o clickers/
  go run ./kernel tally --space space/ --ballots votes.csv --hr truth.png -o report/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return tally(c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.space, "space", "space", "folder of the SR space")
	f.StringVar(&o.ballots, "ballots", "", "ballots to count, .jsonl or .csv")
	f.IntVar(&o.simulate, "simulate", 0, "instead of --ballots: this many simulated participants")
	f.StringVar(&o.behaviour, "behaviour", string(ensemble.Expert), fmt.Sprintf("of simulated participants: one of %q", ensemble.Behaviours))
	f.StringVar(&o.protocol, "protocol", "task1", "task1, task2 or method: the paper's three")
	f.StringVar(&o.trial, "trial", "", "trial of the ballots; needed where they have several")
	f.StringVar(&o.tie, "ties", string(ensemble.Expand), fmt.Sprintf("tie rule, one of %q", ensemble.TieRules))
	f.StringVar(&o.hr, "hr", "", "HR picture, if known: the ensemble is then also scored against it")
	f.Uint64Var(&o.seed, "seed", 1, "of simulation, tie draws, bootstrap and random ensembles")
	f.StringVarP(&o.out, "out", "o", "report", "folder for report.md, ensemble.png, ballots.jsonl and a wall of the rivals")
	c.MarkFlagsMutuallyExclusive("ballots", "simulate")
	return c
}

func tally(c *cobra.Command, o tallyOptions) error {
	protocol, err := ensemble.FindProtocol(o.protocol)
	if err != nil {
		return err
	}
	space, err := srspace.Open(o.space)
	if err != nil {
		return err
	}
	var samples []srspace.Sample
	var pictures []*srspace.Image
	for _, seed := range space.Seeds() {
		img, err := space.Image(seed)
		if err != nil {
			return err
		}
		samples, pictures = append(samples, srspace.Sample{Seed: seed, Image: img}), append(pictures, img)
	}
	if len(samples) <= protocol.Combined {
		return srspace.WithHint(fmt.Errorf("%s has %d samples, the protocol combines %d", o.space, len(samples), protocol.Combined), "draw more with: go run ./kernel sample")
	}
	if len(samples) < protocol.Samples || protocol.FewerSamples && len(samples) > protocol.Samples {
		fmt.Fprintf(os.Stderr, "note: the paper's %s shows %d samples, this space has %d\n", protocol.Name, protocol.Samples, len(samples))
		protocol.Samples = len(samples)
	}
	options := ensemble.ReportOptions{Protocol: protocol, Rule: ensemble.TieRule(o.tie), Seed: o.seed}
	if options.Metrics, err = tallyMetrics(space, o.hr); err != nil {
		return err
	}
	appearances := map[uint64]ensemble.Appearance{}
	if isDigit(pictures[0]) { // the reader knows digits only
		looks, read, err := readDigits(pictures)
		if err != nil {
			return err
		}
		options.Readings = map[uint64]string{}
		for i, s := range samples {
			options.Readings[s.Seed], appearances[s.Seed] = read[i], looks[i]
		}
	}
	ballots, err := o.cast(&protocol, appearances)
	if err != nil {
		return err
	}
	trial, err := o.oneTrial(ballots)
	if err != nil {
		return err
	}
	bar := newBar("control ensembles", 1)
	options.Controls.Progress = func(done, total int) { bar.ChangeMax(total); bar.Set(done) }
	report, err := ensemble.NewReport(c.Context(), trial, ballots, samples, options)
	if err != nil {
		return err
	}
	return o.write(c, report, ballots)
}

// readDigits returns what the digit reader sees in pictures, and what it reads.
func readDigits(pictures []*srspace.Image) (looks []ensemble.Appearance, read []string, err error) {
	m, err := digits.Open("")
	if err != nil {
		return nil, nil, err
	}
	probabilities, err := m.Probabilities(pictures)
	if err != nil {
		return nil, nil, err
	}
	for _, each := range probabilities {
		readings, best := map[string]float64{}, 0
		for digit, p := range each {
			readings[strconv.Itoa(digit)] = p
			if p > each[best] {
				best = digit
			}
		}
		looks = append(looks, ensemble.Appearance{Readings: readings, Quality: each[best]})
		read = append(read, strconv.Itoa(best))
	}
	return looks, read, nil
}

// isDigit reports whether a picture has the size of MNIST's digits.
func isDigit(m *srspace.Image) bool { return m.Width == 28 && m.Height == 28 }

// cast reads the ballots, or makes them up.
func (o tallyOptions) cast(p *ensemble.Protocol, appearances map[uint64]ensemble.Appearance) ([]ensemble.Ballot, error) {
	switch {
	case o.ballots != "":
		return ensemble.ReadBallots(o.ballots)
	case o.simulate < 1:
		return nil, srspace.WithHint(errors.New("no ballots"), "name a file with --ballots, or try --simulate 30")
	case len(appearances) == 0:
		return nil, srspace.WithHint(errors.New("simulated participants read digits only"), "name people's ballots with --ballots")
	}
	panel := ensemble.SimulatedPanel(o.simulate, ensemble.Behaviour(o.behaviour), o.seed)
	start := time.Date(2022, 1, 1, 9, 0, 0, 0, time.UTC) // any: the same command writes the same ballots
	return ensemble.Simulate(p, []ensemble.SimulatedTrial{{Name: filepath.Base(o.space), Samples: appearances}}, panel, o.seed, start)
}

func (o tallyOptions) oneTrial(ballots []ensemble.Ballot) (string, error) {
	trials := ensemble.Trials(ballots)
	switch {
	case o.trial != "":
		return o.trial, nil
	case len(trials) == 1:
		return trials[0], nil
	}
	return "", srspace.WithHint(fmt.Errorf("the ballots are of %d trials: %q", len(trials), trials), "choose one with --trial")
}

// tallyMetrics are what the ensemble and its controls are scored by.
func tallyMetrics(space *srspace.Space, hr string) ([]ensemble.Metric, error) {
	var out []ensemble.Metric
	add := func(id string, ref *srspace.Image) error {
		m, err := metrics.Find(id)
		if err != nil {
			return err
		}
		out = append(out, ensemble.Metric{Name: id, LowerIsBetter: m.Info().Direction == metrics.LowerIsBetter,
			Score: func(img *srspace.Image) (float64, error) {
				v, err := m.Score(img, ref)
				return math.Min(v, 100), err // equal pictures: infinitely many dB
			}})
		return nil
	}
	if err := add("lrpsnr/matlab-u8/vs-lr", space.LR()); err != nil {
		return nil, err
	}
	if hr == "" {
		return out, nil
	}
	truth, err := srspace.ReadFile(hr)
	if err != nil {
		return nil, err
	}
	return out, add("psnr/rgb/crop0", truth)
}

func (o tallyOptions) write(c *cobra.Command, report *ensemble.Report, ballots []ensemble.Ballot) error {
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	text := report.Markdown()
	if err := atomicfile.Write(filepath.Join(o.out, "report.md"), []byte(text)); err != nil {
		return err
	}
	if err := ensemble.WriteBallots(filepath.Join(o.out, "ballots.jsonl"), ballots); err != nil {
		return err
	}
	if err := report.All.Image.WritePNG(filepath.Join(o.out, "ensemble.png")); err != nil {
		return err
	}
	tiles := []*srspace.Image{report.All.Image}
	for _, r := range report.All.Rivals.Rivals {
		if r.Image != nil {
			tiles = append(tiles, r.Image)
		}
	}
	wall, err := plane.Wall(tiles, len(tiles), 4)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := png.Encode(&file, wall); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(o.out, "rivals.png"), file.Bytes()); err != nil {
		return err
	}
	fmt.Fprint(c.OutOrStdout(), text)
	return nil
}
