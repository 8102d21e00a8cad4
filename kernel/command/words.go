package command

import (
	"errors"
	"fmt"

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
	if known, ok := reportWords(err); ok {
		return known
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
