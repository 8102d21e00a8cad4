package command

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// reportOptions are the flags that tally and study report share: what
// ensembles are scored by, how the chosen are combined, who is set apart.
type reportOptions struct {
	hr                            []string // FILE, or TRIAL=FILE
	metrics, combine              string
	project                       bool
	golden                        []string // TRIAL=READING
	minGolden, minAgreement, same float64
	minTime                       time.Duration
	changed                       func(flag string) bool
}

func (o *reportOptions) register(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.hr, "hr", nil, "HR picture, where the truth is known, as FILE or TRIAL=FILE; may be repeated")
	f.StringVar(&o.metrics, "metrics", "", "what scores ensembles and controls: ids and presets as of score, and reader; by default PSNR to the HR picture, LR consistency, and the reader's certainty of digits")
	f.StringVar(&o.combine, "combine", string(ensemble.ByMean), fmt.Sprintf("how the chosen are combined, one of %q; the paper's is the mean", ensemble.Combinations))
	f.BoolVar(&o.project, "project", false, "also make the ensemble consistent with its LR picture by back-projection: a departure from the paper")
	f.DurationVar(&o.minTime, "min-time", 0, "set apart who takes less than this a trial, e.g. 3s (median)")
	f.Float64Var(&o.minAgreement, "min-agreement", 0, "set apart who agrees less with the others, in standard deviations above chance")
	f.StringArrayVar(&o.golden, "golden", nil, "known answer as TRIAL=READING; may be repeated")
	f.Float64Var(&o.minGolden, "min-golden", 1, "set apart who reads less than this share of the golden trials as expected")
	f.Float64Var(&o.same, "max-same-positions", 0, "set apart who picks at the same places in more than this share of trials; 0 asks nothing")
	o.changed = f.Changed
}

// screening adds what the flags say to the rules of a study file.
func (o *reportOptions) screening(s ensemble.Screening) (ensemble.Screening, error) {
	golden := map[string]ensemble.Golden{}
	for trial, g := range s.Golden {
		golden[trial] = g
	}
	for _, each := range o.golden {
		trial, reading, ok := strings.Cut(each, "=")
		if !ok || trial == "" || reading == "" {
			return s, hint.With(fmt.Errorf("--golden %q", each), "write TRIAL=READING")
		}
		golden[trial] = ensemble.Golden{Reading: reading}
	}
	switch {
	case !(o.minGolden >= 0 && o.minGolden <= 1):
		return s, fmt.Errorf("--min-golden %g: a share from 0 to 1", o.minGolden)
	case !(o.same >= 0 && o.same <= 1):
		return s, fmt.Errorf("--max-same-positions %g: a share from 0 to 1", o.same)
	case o.minTime < 0:
		return s, fmt.Errorf("--min-time %v is negative", o.minTime)
	case math.IsNaN(o.minAgreement):
		return s, fmt.Errorf("--min-agreement is not a number")
	case len(golden) == 0 && o.changed("min-golden"):
		return s, hint.With(fmt.Errorf("--min-golden without golden trials"), "name them with --golden TRIAL=READING, or expect: in the study file")
	}
	if len(golden) > 0 {
		s.Golden, s.MinGolden = golden, o.minGolden
	}
	s.MinTime, s.MaxSamePositions = o.minTime, o.same
	if o.changed("min-agreement") {
		s.MinAgreement = &o.minAgreement
	}
	return s, nil
}

// checkTrials refuses flags about trials that are not among the names.
func (o *reportOptions) checkTrials(names []string) error {
	for flag, values := range map[string][]string{"hr": o.hr, "golden": o.golden} {
		for _, each := range values {
			name, _, ok := strings.Cut(each, "=")
			if _, err := os.Stat(each); ok && err != nil && !slices.Contains(names, name) {
				return fmt.Errorf("--%s %s: no trial %q among %q", flag, each, name, names)
			}
		}
	}
	return nil
}

// truth is the HR picture of a trial: that of the flags or, where they name
// none for it, of a file; nil where there is none.
func (o *reportOptions) truth(trial, file string, trials []string) (*picture.Image, error) {
	for _, each := range o.hr {
		name, path, ok := strings.Cut(each, "=")
		if _, err := os.Stat(each); err == nil || !ok { // a file's name may have a "="
			if len(trials) > 1 {
				return nil, hint.With(fmt.Errorf("--hr %s: there are %d trials", each, len(trials)), "write TRIAL=FILE, or hr: in the study file")
			}
			name, path = trial, each
		}
		if name == trial {
			file = path
		}
	}
	if file == "" {
		return nil, nil
	}
	img, err := picture.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("HR picture: %w", err)
	}
	return img, nil
}

// trialOptions makes the options of one trial's report, and notes on what is
// left out of it.
func (o *reportOptions) trialOptions(space *srspace.Space, samples []srspace.Sample, hr *picture.Image, out *ensemble.ReportOptions) error {
	first := samples[0].Image
	if hr != nil && (hr.Width != first.Width || hr.Height != first.Height) {
		return hint.With(fmt.Errorf("the HR picture is %d×%d, the samples are %d×%d", hr.Width, hr.Height, first.Width, first.Height), "crop it to what the samples show")
	}
	out.Combine = ensemble.Combination(o.combine)
	found, notes, err := controlScores{o.metrics, space.LR(), hr, first}.metrics()
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(os.Stderr, "note:", note)
	}
	if out.Metrics = found; len(found) == 0 {
		fmt.Fprintf(os.Stderr, "warning: %s: no LR and no HR picture, so nothing scores the ensembles and there are no controls\nhint: put lr.png into the folder, name the truth with --hr, or choose --metrics that need neither\n", space.Dir())
	}
	if !isDigit(first) {
		return o.projection(space.LR(), first, out)
	}
	pictures := make([]*picture.Image, len(samples))
	for i, s := range samples {
		pictures[i] = s.Image
	}
	_, read, err := readDigits(pictures)
	if err != nil {
		return err
	}
	out.Readings = map[uint64]string{}
	for i, s := range samples {
		out.Readings[s.Seed] = read[i]
	}
	return o.projection(space.LR(), first, out)
}

func (o *reportOptions) projection(lr, first *picture.Image, out *ensemble.ReportOptions) error {
	if !o.project {
		return nil
	}
	if lr == nil {
		return hint.With(fmt.Errorf("--project without an LR picture"), "put it as lr.png into the folder of the samples")
	}
	out.Projection = &ensemble.ProjectionOptions{
		LR: lr, Factor: (first.Width + lr.Width - 1) / lr.Width, Name: "LR-PSNR in dB",
		Consistency: func(img, lr *picture.Image) (float64, error) {
			v, err := metrics.LRPSNRMetric{}.Score(img, lr)
			return min(v, maxDecibels), err
		},
	}
	return nil
}
