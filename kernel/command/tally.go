package command

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

// tallyOptions are the flags of tally.
type tallyOptions struct {
	reportOptions
	ballots, space, study, protocol, trial, tie, out string
	seed                                             uint64
	simulate                                         int
	behaviour                                        string
}

func tallyCommand() *cobra.Command {
	var o tallyOptions
	c := &cobra.Command{
		Use:   "tally",
		Short: "Count ballots, average the most voted samples, and report how sure one may be",
		Long: `Counts the votes for the samples of a space, averages the most voted, and
writes a report: votes and the tie rule, readings with intervals, how stable
the cut is, one ensemble for each rival reading, and where the chosen ensemble
stands among random ones, as a table and, by the first two metrics, as a
picture. The space may be a folder of pictures made elsewhere.

With --study the rules, spaces, HR pictures and golden trials are those of a
study file, for ballots exported from it. With --simulate the ballots are made
up: by people who see what the digit reader sees, or who click anyhow. Who is
set apart by --min-time and its like is counted with and without.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel tally --space space/ --simulate 30 -o report/
  go run ./kernel tally --space space/ --simulate 30 --behaviour uniform -o clickers/
  go run ./kernel tally --space space/ --ballots votes.csv --hr truth.png --metrics psnr/rgb/crop0,dists/noresize -o report/
  go run ./kernel tally --study study.yaml --ballots ballots.csv --min-time 3s -o report/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return tally(c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.space, "space", "space", "folder of the SR space")
	f.StringVar(&o.study, "study", "", "study file whose rules and spaces the ballots obey, in place of --space and --protocol")
	f.StringVar(&o.ballots, "ballots", "", "ballots to count, .jsonl or .csv")
	f.IntVar(&o.simulate, "simulate", 0, "instead of --ballots: this many simulated participants")
	f.StringVar(&o.behaviour, "behaviour", string(ensemble.Expert), fmt.Sprintf("of simulated participants: one of %q", ensemble.Behaviours))
	f.StringVar(&o.protocol, "protocol", "task1", "task1, task2 or method: the paper's three")
	f.StringVar(&o.trial, "trial", "", "trial of the ballots; needed where they have several")
	f.StringVar(&o.tie, "ties", string(ensemble.Expand), fmt.Sprintf("tie rule, one of %q", ensemble.TieRules))
	f.Uint64Var(&o.seed, "seed", 1, "of simulation, tie draws, bootstrap and random ensembles")
	f.StringVarP(&o.out, "out", "o", "report", "folder for report.md, ensemble.png, plane.png, ballots.jsonl and a wall of the rivals")
	o.register(c)
	c.MarkFlagsMutuallyExclusive("ballots", "simulate")
	c.MarkFlagsMutuallyExclusive("study", "simulate")
	c.MarkFlagsMutuallyExclusive("study", "space")
	c.MarkFlagsMutuallyExclusive("study", "protocol")
	return c
}

// rules are what the ballots of one trial obey.
type rules struct {
	protocol  ensemble.Protocol
	screening ensemble.Screening
	space     string // folder
	samples   int    // the first so many were shown; 0 for all
	hr        string // file, "" where there is none
}

// rules are those of a preset, or of a trial of a study file, which also sets
// tie rule and seed where no flag does.
func (o *tallyOptions) rules(trial string) (r rules, err error) {
	if o.study == "" {
		r.space = o.space
		r.protocol, err = ensemble.FindProtocol(o.protocol)
		return r, err
	}
	s, err := study.Load(o.study)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(s.Trials, func(t study.Trial) bool { return t.Name == trial })
	if i < 0 {
		return r, hint.With(fmt.Errorf("%s has no trial %q", o.study, trial), "name the study file that the ballots are of")
	}
	t := s.Trials[i]
	r = rules{s.ProtocolRules(), s.Screening(), s.SpacePath(t), t.Samples, s.HRPath(t)}
	if r.samples == 0 {
		r.samples = r.protocol.Samples
	}
	if !o.changed("ties") {
		o.tie = s.Ties
	}
	if !o.changed("seed") {
		o.seed = s.Seed
	}
	return r, nil
}

func tally(c *cobra.Command, o tallyOptions) error {
	if o.ballots == "" && o.simulate < 1 {
		return hint.With(errors.New("no ballots"), "name a file with --ballots, or try --simulate 30")
	}
	var ballots []ensemble.Ballot
	trial := filepath.Base(o.space)
	if o.ballots != "" {
		var err error
		if ballots, err = ensemble.ReadBallots(o.ballots); err != nil {
			return err
		}
		if trial, err = o.oneTrial(ballots); err != nil {
			return err
		}
	}
	names := []string{trial}
	if ballots != nil {
		names = ensemble.Trials(ballots)
	}
	if err := o.checkTrials(names); err != nil {
		return err
	}
	r, err := o.rules(trial)
	if err != nil {
		return err
	}
	space, samples, err := openSamples(r.space)
	if err != nil {
		return err
	}
	protocol := r.protocol
	if o.study != "" {
		samples = samples[:min(r.samples, len(samples))]
		protocol.Samples, protocol.Combined = len(samples), min(protocol.Combined, len(samples)-1)
	}
	if len(samples) <= protocol.Combined {
		return hint.With(fmt.Errorf("%s has %d samples, the protocol combines %d", r.space, len(samples), protocol.Combined), "draw more with: go run ./kernel sample")
	}
	if len(samples) < protocol.Samples || protocol.FewerSamples && len(samples) > protocol.Samples {
		fmt.Fprintf(os.Stderr, "note: the paper's %s shows %d samples, this space has %d\n", protocol.Name, protocol.Samples, len(samples))
		protocol.Samples = len(samples)
	}
	options := ensemble.ReportOptions{Protocol: protocol, Seed: o.seed}
	if options.Rule, err = ensemble.FindTieRule(o.tie); err != nil {
		return err
	}
	if options.Screening, err = o.screening(r.screening); err != nil {
		return err
	}
	hr, err := o.truth(trial, r.hr, []string{trial})
	if err != nil {
		return err
	}
	if err := o.trialOptions(space, samples, hr, &options); err != nil {
		return err
	}
	if ballots == nil {
		if ballots, err = o.cast(trial, &protocol, space.LR(), samples); err != nil {
			return err
		}
	}
	bar := newBar("control ensembles", 1)
	options.Controls.Progress = func(done, total int) { bar.ChangeMax(total); bar.Set(done) }
	report, err := ensemble.NewReport(c.Context(), trial, ballots, samples, options)
	if errors.Is(err, ensemble.ErrBallot) && o.study == "" {
		return hint.With(err, "where the ballots are of a study, name its file with --study: it holds the rules")
	}
	if err != nil {
		return err
	}
	return o.write(c, report, ballots)
}

// cast makes ballots up.
func (o tallyOptions) cast(trial string, p *ensemble.Protocol, lr *picture.Image, samples []srspace.Sample) ([]ensemble.Ballot, error) {
	var looks []ensemble.Appearance
	var err error
	switch first := samples[0].Image; {
	case isDigit(first):
		images := make([]*picture.Image, len(samples))
		for i, s := range samples {
			images[i] = s.Image
		}
		looks, _, err = readDigits(images)
	case p.Reading == ensemble.DigitReading:
		err = hint.With(fmt.Errorf("pictures of %d×%d; simulated participants read digits of 28×28 pixels only", first.Width, first.Height),
			"with --protocol task2 they only choose")
	default:
		looks, err = qualities(lr, samples)
	}
	if err != nil {
		return nil, err
	}
	appearances := map[uint64]ensemble.Appearance{}
	for i, s := range samples {
		appearances[s.Seed] = looks[i]
	}
	panel := ensemble.SimulatedPanel(o.simulate, ensemble.Behaviour(o.behaviour), o.seed)
	start := time.Date(2022, 1, 1, 9, 0, 0, 0, time.UTC) // any: the same command writes the same ballots
	return ensemble.Simulate(p, []ensemble.SimulatedTrial{{Name: trial, Samples: appearances}}, panel, o.seed, start)
}

func (o tallyOptions) oneTrial(ballots []ensemble.Ballot) (string, error) {
	trials := ensemble.Trials(ballots)
	switch {
	case o.trial != "":
		return o.trial, nil
	case len(trials) == 1:
		return trials[0], nil
	}
	return "", hint.With(fmt.Errorf("the ballots are of %d trials: %q", len(trials), trials), "choose one with --trial")
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
	if p := report.All.Projected; p != nil {
		if err := p.Image.WritePNG(filepath.Join(o.out, "projected.png")); err != nil {
			return err
		}
	}
	cloud, err := controlPlane(report)
	if err != nil {
		return err
	}
	if cloud != nil {
		if err := atomicfile.Write(filepath.Join(o.out, "plane.png"), cloud); err != nil {
			return err
		}
	}
	tiles := []*picture.Image{report.All.Image}
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
