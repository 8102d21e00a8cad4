package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
)

// inFlags puts an error of a use case in the words of the command line: the
// flag's name where an option is meant, and what to type next.
func inFlags(err error) error {
	var unused *app.UnusedError
	if errors.As(err, &unused) {
		return hint.With(fmt.Errorf("--%s is not for %s", flagOf(unused.Option), unused.Model), "leave it out, or choose another --model")
	}
	var contradiction *app.ContradictionError
	if errors.As(err, &contradiction) {
		return hint.With(fmt.Errorf("--%s is %v, the address says %v", flagOf(contradiction.Option), contradiction.Given, contradiction.Address), "leave it out")
	}
	var missing *app.MissingModelError
	if errors.As(err, &missing) {
		if missing.Fetchable {
			return hint.With(err, "go run ./kernel weights fetch "+missing.Name)
		}
		return hint.With(err, "go run ./kernel weights list tells the names")
	}
	var notModel *app.NotModelError
	if errors.As(err, &notModel) {
		return hint.With(err, "a .ckpt, .safetensors or diffusers folder of a latent diffusion model for super-resolution is needed, whole")
	}
	var precision *app.PrecisionError
	if errors.As(err, &precision) {
		return hint.With(err, "leave --precision out, or choose another --backend; doctor tells what there is")
	}
	var stopped *app.StoppedError
	if errors.As(err, &stopped) {
		return hint.With(err, "the same command continues from there")
	}
	for _, words := range []func(error) (error, bool){reportWords, scoreWords} {
		if known, ok := words(err); ok {
			return known
		}
	}
	var other *app.OtherAddressError
	switch {
	case errors.Is(err, app.ErrNoNoise):
		return hint.With(err, "draw one, -n 1, or name its noise with --noise-input")
	case errors.Is(err, app.ErrOtherPicture):
		return hint.With(err, "name it with --lr FILE")
	case errors.As(err, &other):
		return hint.With(err, "an address holds for one model and one LR picture; is it of an earlier model?")
	}
	return err
}

// reportWords puts errors about ballots and reports in the words of the
// command line.
func reportWords(err error) (error, bool) {
	var (
		noSamples *app.NoSamplesError
		reference *app.MissingReferenceError
		option    *app.OptionError
		several   *app.SeveralTrialsError
		noTrial   *app.NoTrialError
		rules     *app.RulesError
		size      *app.WrongSizeError
		notDigits *app.NotDigitsError
	)
	switch {
	case errors.As(err, &noSamples):
		return hint.With(err, "draw more with: go run ./kernel sample"), true
	case errors.As(err, &reference):
		if reference.Reference == metrics.LR {
			return hint.With(err, "put the LR picture as lr.png into the folder of the samples"), true
		}
		return hint.With(err, "name the truth, where it is known, with --hr, or as hr: of the study file's trial"), true
	case errors.As(err, &option):
		return fmt.Errorf("--%s: %s", flagOf(option.Option), option.Reason), true
	case errors.As(err, &several):
		return hint.With(err, "choose one with --trial"), true
	case errors.As(err, &noTrial):
		return hint.With(err, "name the study file that the ballots are of"), true
	case errors.As(err, &rules):
		return hint.With(err, "where the ballots are of a study, name its file with --study: it holds the rules"), true
	case errors.As(err, &size):
		return hint.With(err, "crop it to what the samples show"), true
	case errors.As(err, &notDigits):
		return hint.With(err, "with --protocol task2 simulated participants only choose"), true
	}
	return nil, false
}

// scoreWords puts errors about scores in the words of the command line.
func scoreWords(err error) (error, bool) {
	var (
		role      *app.RoleError
		reference *app.NoReferenceFilesError
		names     *app.NamesError
		patterns  *app.PatternsError
		factor    *app.FactorError
		stopped   *app.StoppedScoringError
	)
	switch {
	case errors.As(err, &role):
		return fmt.Errorf("--%s: %w", strings.ToLower(role.Role), role.Err), true
	case errors.As(err, &reference) && reference.Reference == metrics.LR:
		return hint.With(fmt.Errorf("%s compares with LR images, and there is no --lr", reference.Metric), "name their folder with --lr"), true
	case errors.As(err, &reference):
		return hint.With(fmt.Errorf("%s compares with HR images, and there is no --hr", reference.Metric), "name their folder with --hr, or choose metrics that need none, such as lrpsnr/matlab-u8/vs-lr with --lr"), true
	case errors.As(err, &names):
		return hint.With(err, hint.Of(err)+" (flags --sr-name, --hr-name, --lr-name)"), true
	case errors.As(err, &patterns):
		return hint.With(fmt.Errorf("%d --sr and %d --sr-name", patterns.Rows, patterns.Patterns), "give --sr-name once for all, or once for each --sr in the same order; '{}' is a name as it is"), true
	case errors.As(err, &factor):
		return hint.With(err, fmt.Sprintf("name the LR images of this factor, or give --scale %d", factor.Factor)), true
	case errors.As(err, &stopped) && stopped.Kept:
		return hint.With(err, "the same command continues from there"), true
	case errors.Is(err, app.ErrNoScores):
		return hint.With(err, "the notes above say why; or choose others with --metrics"), true
	}
	return nil, false
}
