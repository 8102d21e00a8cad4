package metrics

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics/nrqm"
	"github.com/trustsr/trustsr/srspace/picture"
)

const nrqmID = "nrqm/official"

// NRQM is the no-reference metric of Ma et al. 2017, "nrqm/official", with the
// features of the authors' MATLAB code; package nrqm has the details. Higher
// is better; scores are about 0 to 10. The reference of Score is not looked
// at and may be nil.
//
// Images too small for it (any side of 84 pixels or more will do; see
// [nrqm.CheckSize]) are errors that wrap [ErrTooSmall]; images of one flat
// colour have no score: [nrqm.ErrFlat].
type NRQM struct{ model onDemand[*nrqm.Model] }

// NRQMFromFile returns NRQM with the forests of a safetensors file, as
// [nrqm.ReadModel] reads it. Whether it is there shows when scoring.
func NRQMFromFile(path string) *NRQM {
	return newNRQM(func() (string, error) { return path, nil })
}

var installedNRQM = newNRQM(func() (string, error) { return weightstore.Path("nrqm") })

// InstalledNRQM returns NRQM with the forests of the user's folder of
// weights. Without them its scores are errors that wrap [ErrNoWeights]; each
// is a [WeightsError].
func InstalledNRQM() *NRQM { return installedNRQM }

func newNRQM(path func() (string, error)) *NRQM {
	m := &NRQM{}
	m.model.load = func() (*nrqm.Model, error) {
		path, err := path()
		if err != nil {
			return nil, &WeightsError{"nrqm", fmt.Errorf("%s: %w", nrqmID, err)}
		}
		model, err := nrqm.ReadModel(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: no file %s", ErrNoWeights, path)
		}
		if err != nil {
			return nil, &WeightsError{"nrqm", fmt.Errorf("%s: %w", nrqmID, err)}
		}
		return model, nil
	}
	return m
}

// Info returns the metric's passport. Weights is empty while the forests
// cannot be read.
func (m *NRQM) Info() Info {
	info := Info{ID: nrqmID, Name: "NRQM", Direction: HigherIsBetter, Reference: None, MinSide: nrqm.MinSide}
	if model, err := m.model.get(); err == nil {
		info.Weights = model.SHA256()
	}
	return info
}

// Score returns NRQM of image.
func (m *NRQM) Score(image, _ *picture.Image) (float64, error) {
	// What is wrong with the picture first: that needs no weights. Its size
	// before its pixels: they may be more than memory holds.
	if image != nil {
		if err := nrqm.CheckSize(image.Width, image.Height); err != nil {
			return 0, nrqmError(err)
		}
	}
	if err := Check(image); err != nil {
		return 0, nrqmError(err)
	}
	model, err := m.model.get()
	if err != nil {
		return 0, err
	}
	features, err := nrqm.Compute(image)
	if err != nil {
		return 0, nrqmError(err)
	}
	return model.Score(features), nil
}

func nrqmError(err error) error {
	switch {
	case errors.Is(err, nrqm.ErrTooSmall):
		return fmt.Errorf("%s: %w: %w", nrqmID, ErrTooSmall, err)
	case errors.Is(err, nrqm.ErrTooLarge):
		err = fmt.Errorf("%s: %w: %w", nrqmID, ErrTooLarge, err)
		return hint.With(err, "score parts of the picture")
	}
	return fmt.Errorf("%s: %w", nrqmID, err)
}
