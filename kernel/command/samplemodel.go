package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// digitModel is the name of the embedded model.
const digitModel = "digits"

// drawer is a model that sample draws with.
type drawer interface {
	srspace.Sampler
	Accepts(lr *picture.Image) error
}

// model opens the model set as the flags say.
func (o sampleOptions) model() (drawer, error) {
	if isONNX(o.name) {
		return o.onnxModel()
	}
	if err := o.others("this model, but for an ONNX file", "lr-input", "noise-input", "output", "input-range", "output-range"); err != nil {
		return nil, err
	}
	if o.name == digitModel {
		if err := o.refuse("the digit model"); err != nil {
			return nil, err
		}
		m, err := digits.Open(o.backend)
		if err != nil {
			return nil, err
		}
		m.Method, m.Steps, m.Eta, m.RNG = o.method, o.steps, o.eta, o.rng
		if m.Model, err = o.precise(m.Model); err != nil {
			return nil, err
		}
		_, err = m.Model.Config.Schedule.Plan(o.method, o.steps, o.eta)
		return m, err
	}
	return o.checkpoint()
}

// checkpoint opens an imported or fetched model, or one by its path.
func (o sampleOptions) checkpoint() (*ldm.Sampler, error) {
	path, err := modelPath(o.name)
	name := o.name
	if _, statErr := os.Stat(o.name); err != nil && errors.Is(err, weightstore.ErrMissing) && statErr == nil {
		path, name, err = o.name, nameFor(o.name), nil
	}
	if err != nil {
		return nil, err
	}
	c, err := ldm.Open(path)
	if err != nil {
		return nil, hint.With(fmt.Errorf("model %s: %w", o.name, err), "a .ckpt, .safetensors or diffusers folder of a latent diffusion model for super-resolution is needed, whole")
	}
	defer c.Close()
	for _, a := range c.Assumed {
		fmt.Fprintln(os.Stderr, "assumed:", a)
	}
	if _, err := c.Config.Schedule.Plan(o.method, o.steps, o.eta); err != nil {
		return nil, err
	}
	sum, err := c.SHA256()
	if err != nil {
		return nil, err
	}
	config := o.backend
	if config == "" {
		config = backend.Choose().Config
	}
	m, err := c.Load(config)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", o.name, err)
	}
	if m, err = o.precise(m); err != nil {
		return nil, err
	}
	s := &ldm.Sampler{
		Model: m, Method: o.method, Steps: o.steps, Eta: o.eta, RNG: o.rng, Batch: o.batch,
		Description: srspace.Recipe{Model: name, Weights: sum, Fit: o.fit, Backend: backend.Name(config), Software: srspace.Version},
	}
	o.apply(s, o.fitGiven)
	return s, nil
}

// suit sets how many samples of a checkpoint a call takes for a picture, and how
// many calls run side by side.
func (o sampleOptions) suit(m drawer, lr *picture.Image) error {
	s, ok := m.(*ldm.Sampler)
	if !ok {
		return nil
	}
	if err := s.SuitBatch(lr.Width, lr.Height); err != nil {
		return err
	}
	if o.batch > 0 {
		s.Workers = (o.batch + s.Batch - 1) / s.Batch
		return nil
	}
	return s.SuitWorkers(lr.Width, lr.Height, o.n)
}

// precise returns the model at the precision asked for.
func (o sampleOptions) precise(m *ldm.Model) (*ldm.Model, error) {
	switch o.precision {
	case "", "float32":
		return m, nil
	case srspace.BFloat16:
		half, err := m.BFloat16()
		if err != nil {
			return nil, hint.With(err, "leave --precision out, or choose another --backend; doctor tells what there is")
		}
		return half, nil
	}
	return nil, fmt.Errorf("precision %.50q: float32 or %s", o.precision, srspace.BFloat16)
}
