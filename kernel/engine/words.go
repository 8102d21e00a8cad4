package engine

import (
	"errors"
	"fmt"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
)

// inCells puts an error of a use case in the words of a notebook cell: the
// function's name where an option is meant, and what to write next.
func inCells(err error) error {
	var (
		unused    *app.UnusedError
		missing   *app.MissingModelError
		notModel  *app.NotModelError
		precision *app.PrecisionError
		stopped   *app.StoppedError
		noSamples *app.NoSamplesError
		reference *app.MissingReferenceError
		noVotes   *app.NoVotesError
		noTrial   *app.OtherSpaceError
		size      *app.WrongSizeError
		notDigits *app.NotDigitsError
		exists    *app.ExistsError
	)
	switch {
	case errors.As(err, &unused):
		return hint.With(fmt.Errorf(".%s is not for %s", unused.Option, unused.Model), "leave it out, or choose another .Model")
	case errors.As(err, &missing) && missing.Fetchable:
		return hint.With(err, "in a terminal: go run ./kernel weights fetch "+missing.Name)
	case errors.As(err, &missing):
		return hint.With(err, "name a file beside the notebook, or import the model: go run ./kernel weights import NAME FILE")
	case errors.As(err, &notModel):
		return hint.With(err, "a .ckpt, .safetensors or diffusers folder of a latent diffusion model for super-resolution is needed, whole, or an .onnx file")
	case errors.As(err, &precision):
		return hint.With(err, "leave .Precision out, or choose another .Backend")
	case errors.As(err, &stopped):
		return hint.With(err, "run the cell again to continue")
	case errors.Is(err, app.ErrNoNoise):
		return hint.With(err, "draw one, .Draw(1), or name its noise with .NoiseInput")
	case errors.As(err, &noSamples):
		return hint.With(err, "draw more, for example lab.Digit(497).Draw(324)")
	case errors.As(err, &reference) && reference.Reference == metrics.HR:
		return hint.With(err, "name the truth, where it is known: .HR(\"hr.png\"); or choose metrics that need none, such as lrpsnr/matlab-u8/vs-lr")
	case errors.As(err, &reference):
		return hint.With(err, "name the LR picture: lab.Folder(dir).LR(\"lr.png\")")
	case errors.As(err, &noVotes), errors.Is(err, app.ErrNoBallots):
		return hint.With(err, "serve the study with lab.Study, or rehearse it with lab.Rehearse")
	case errors.As(err, &noTrial):
		return hint.With(err, "the trials of the study file name the folders of their spaces")
	case errors.As(err, &size):
		return hint.With(err, "crop it to what the samples show; pictures are never resized silently")
	case errors.As(err, &notDigits):
		return hint.With(err, "the digit reader is for digits; what does not need it works on any picture")
	case errors.As(err, &exists):
		return hint.With(err, "remove it, or name another file")
	}
	return err
}
