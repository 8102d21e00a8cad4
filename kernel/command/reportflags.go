package command

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/srspace/picture"
)

// reportFlags are the flags that tally and study report share: what ensembles
// are scored by, how the chosen are combined, who is excluded.
type reportFlags struct {
	hr, golden              []string // FILE, or TRIAL=FILE; TRIAL=READING
	metrics, combine        string
	project                 bool
	minGolden, minAgreement float64
	same                    float64
	minTime                 time.Duration
	given                   func(flag string) bool
}

func (o *reportFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.hr, "hr", nil, "HR picture, where the truth is known, as FILE or TRIAL=FILE; may be repeated")
	f.StringVar(&o.metrics, "metrics", "", "what scores ensembles and controls: ids and presets as of score, and reader; by default PSNR to the HR picture, LR consistency, and the reader's certainty of digits")
	f.StringVar(&o.combine, "combine", string(ensemble.ByMean), "how the chosen are combined: "+oneOf(ensemble.Combinations)+"; the paper's is the mean")
	f.BoolVar(&o.project, "project", false, "also make the ensemble consistent with its LR picture by back-projection: a departure from the paper")
	f.DurationVar(&o.minTime, "min-time", 0, "exclude participants who take less than this a trial, e.g. 3s (median)")
	f.Float64Var(&o.minAgreement, "min-agreement", 0, "exclude participants who agree less with the others, in standard deviations above chance")
	f.StringArrayVar(&o.golden, "golden", nil, "known answer as TRIAL=READING; may be repeated")
	f.Float64Var(&o.minGolden, "min-golden", 1, "exclude participants who read less than this share of the golden trials as expected")
	f.Float64Var(&o.same, "max-same-positions", 0, "exclude participants who pick at the same places in more than this share of trials; 0 is no rule")
	o.given = f.Changed
}

// options are what the flags say of the report, with progress and notes on
// standard error.
func (o *reportFlags) options() app.ReportOptions {
	return app.ReportOptions{
		Metrics: o.metrics, Combine: o.combine, Project: o.project,
		Progress: stageBars(),
		Note:     func(text string) { fmt.Fprintln(os.Stderr, "note:", text) },
	}
}

// screening are the rules that the flags add.
func (o *reportFlags) screening() (app.Screening, error) {
	s := app.Screening{Golden: map[string]string{}, MinTime: o.minTime, MaxSamePositions: o.same}
	for _, each := range o.golden {
		trial, reading, ok := strings.Cut(each, "=")
		if !ok || trial == "" || reading == "" {
			return s, hint.With(fmt.Errorf("--golden %q", each), "write TRIAL=READING")
		}
		s.Golden[trial] = reading
	}
	if o.given("min-golden") {
		s.MinGolden = &o.minGolden
	}
	if o.given("min-agreement") {
		s.MinAgreement = &o.minAgreement
	}
	return s, nil
}

// truth reads the HR pictures that the flags name, and refuses flags about
// trials that are not among the names.
func (o *reportFlags) truth(trials []string) (map[string]*picture.Image, error) {
	for _, each := range o.golden {
		if name, _, _ := strings.Cut(each, "="); !slices.Contains(trials, name) {
			return nil, fmt.Errorf("--golden %s: no trial %q among %q", each, name, trials)
		}
	}
	found := map[string]*picture.Image{}
	for _, each := range o.hr {
		name, path, ok := strings.Cut(each, "=")
		if _, err := os.Stat(each); err == nil || !ok { // a file's name may have a "="
			if len(trials) > 1 {
				return nil, hint.With(fmt.Errorf("--hr %s: there are %d trials", each, len(trials)), "write TRIAL=FILE, or hr: in the study file")
			}
			name, path = trials[0], each
		}
		if !slices.Contains(trials, name) {
			return nil, fmt.Errorf("--hr %s: no trial %q among %q", each, name, trials)
		}
		img, err := picture.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("HR picture: %w", err)
		}
		found[name] = img
	}
	return found, nil
}

// oneOf lists the values of a flag.
func oneOf[T ~string](values []T) string {
	var names []string
	for _, v := range values {
		names = append(names, string(v))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// whenNoVotes says what makes votes.
func whenNoVotes(err error) error {
	var missing *app.NoVotesError
	switch {
	case errors.As(err, &missing):
		return hint.With(err, "serve or simulate the study first, or name its store with --store")
	case errors.Is(err, app.ErrNoBallots):
		return hint.With(err, "serve or simulate the study first")
	}
	return inFlags(err)
}
