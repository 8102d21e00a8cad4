package ldm

import (
	"errors"
	"fmt"
)

// SizeError is a tensor whose height or width a network cannot take.
type SizeError struct {
	What          string // what was asked for: "denoise", "encode"
	Height, Width int
	Multiple      int // both must be multiples of it, at least once
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: %d×%d (height × width): the network needs multiples of %d", e.What, e.Height, e.Width, e.Multiple)
}

// ErrNoNoise is what sampling returns that takes noise at its steps and was
// given no source of it.
var ErrNoNoise = errors.New("the sampler takes noise at its steps, and there is no noise source")

// checkSides returns an error unless t is [batch, channels, height, width] with
// as many values, and sides that are multiples of a number.
func checkSides(what string, t *Tensor, multiple int) error {
	if t == nil || len(t.Shape) != 4 {
		var shape []int
		if t != nil {
			shape = t.Shape
		}
		return fmt.Errorf("%s: a tensor of shape %v where [batch, channels, height, width] is needed", what, shape)
	}
	n := 1
	for _, d := range t.Shape {
		if d < 1 {
			return fmt.Errorf("%s: a tensor of shape %v", what, t.Shape)
		}
		n *= d
	}
	if n != len(t.Data) {
		return fmt.Errorf("%s: a tensor of shape %v with %d values", what, t.Shape, len(t.Data))
	}
	if h, w := t.Shape[2], t.Shape[3]; h%multiple != 0 || w%multiple != 0 {
		return &SizeError{what, h, w, multiple}
	}
	return nil
}

// checkDenoise checks what [Model.Denoise] is given.
func (m *Model) checkDenoise(x, lr *Tensor, t []float32) error {
	c := m.Config.UNet
	for _, each := range []*Tensor{x, lr} {
		if err := checkSides("denoise", each, c.multiple()); err != nil {
			return err
		}
	}
	if x.Shape[0] != lr.Shape[0] || x.Shape[2] != lr.Shape[2] || x.Shape[3] != lr.Shape[3] {
		return fmt.Errorf("denoise: latents of shape %v beside LR pictures of shape %v: batch, height and width must be equal", x.Shape, lr.Shape)
	}
	if x.Shape[1] != c.OutChannels || x.Shape[1]+lr.Shape[1] != c.InChannels {
		return fmt.Errorf("denoise: latents of %d channels and LR pictures of %d, where the network takes %d and %d", x.Shape[1], lr.Shape[1], c.OutChannels, c.InChannels-c.OutChannels)
	}
	if len(t) != x.Shape[0] {
		return fmt.Errorf("denoise: %d time steps for a batch of %d", len(t), x.Shape[0])
	}
	return nil
}
