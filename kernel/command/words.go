package command

import (
	"errors"
	"fmt"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
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
