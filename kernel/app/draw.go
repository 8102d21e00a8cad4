package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// DrawOptions say how many samples a space shall hold.
type DrawOptions struct {
	N        int          // samples of the whole space
	Seed     uint64       // of the first; the others follow
	Part     srspace.Part // to be drawn now; the zero value is all
	Progress func(*srspace.Space, srspace.Progress)

	// Busy, unless nil, is called while another process draws into the space;
	// Draw then waits for it. Where it is nil, that is an error.
	Busy func()
}

// StoppedError is a drawing that was interrupted: the same call continues it.
type StoppedError struct {
	Done, Total int
	Dir         string
	Err         error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("stopped with %d of %d samples in %s", e.Done, e.Total, e.Dir)
}
func (e *StoppedError) Unwrap() error { return e.Err }

// Check returns an error unless the model can draw n samples of the picture.
// It sets what a call takes, so that the recipe is final.
func (m *Model) Check(lr *picture.Image, n int) error {
	if n < 1 {
		return fmt.Errorf("%d samples: at least one", n)
	}
	if n > 1 && m.Deterministic() {
		return ErrNoNoise
	}
	if err := m.suit(lr, n); err != nil {
		return err
	}
	return m.Accepts(lr)
}

// Draw makes the folder dir a space of lr, or resumes the one there, and draws
// what is missing. Every finished sample is on disk before the next.
func (m *Model) Draw(ctx context.Context, dir string, lr *picture.Image, o DrawOptions) (*srspace.Space, error) {
	if err := m.Check(lr, o.N); err != nil {
		return nil, err
	}
	if o.Part == (srspace.Part{}) {
		o.Part = srspace.Whole
	}
	var space *srspace.Space
	err := o.whenFree(ctx, func() (err error) {
		space, err = srspace.Create(dir, lr, m.Recipe(), o.Seed)
		return err
	})
	if err != nil {
		return nil, err
	}
	progress := func(p srspace.Progress) {
		if o.Progress != nil {
			o.Progress(space, p)
		}
	}
	err = o.whenFree(ctx, func() error { return space.DrawPart(ctx, m.Drawer, o.N, o.Part, progress) })
	if err != nil && ctx.Err() != nil {
		from, to := o.Part.Range(o.N)
		return space, &StoppedError{space.Len(), to - from, dir, err}
	}
	return space, err
}

// whenFree does what needs a space's writer lock as soon as nobody else, in
// this process or another, holds it.
func (o *DrawOptions) whenFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if o.Busy == nil || !errors.Is(err, srspace.ErrBusy) {
			return err
		}
		o.Busy()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// ErrOtherPicture is wrapped where the LR picture of an address is not known.
var ErrOtherPicture = errors.New("the LR picture of the address is not known")

// OtherAddressError is an address that this model and picture do not make.
type OtherAddressError struct{ Asked, Made srspace.Address }

func (e *OtherAddressError) Error() string {
	return fmt.Sprintf("the address names %v, this model and LR picture make %v", e.Asked, e.Made)
}

// DrawAddress draws one sample again, from everything that its address says.
// o.Model says where the address's model is, unless its name is enough; the
// other options that an address holds are taken from it. lr may be nil for a
// test digit. It returns the sample's PNG, byte for byte the space's file.
func (ms *Models) DrawAddress(ctx context.Context, a srspace.Address, o ModelOptions, lr *picture.Image) ([]byte, error) {
	if o.Model == "" {
		o.Model = a.Model
	}
	if !IsONNX(o.Model) {
		o.Sampler, o.Steps, o.Eta, o.RNG, o.Precision = a.Method, a.Steps, &a.Eta, a.RNG, a.Precision
		o.Tile, o.Window, o.Project, o.Fit = a.Tile, a.Window, a.Projection, a.Fit
	}
	if lr == nil {
		if lr = digits.FindLR(a.LR); lr == nil {
			return nil, fmt.Errorf("%w: %s is none of the test digits", ErrOtherPicture, a.LR)
		}
	}
	m, err := ms.Open(ctx, o, lr)
	if err == nil {
		err = m.Check(lr, 1)
	}
	if err != nil {
		return nil, err
	}
	if made := m.Recipe().Address(lr.Hash(), a.Seed); made != a {
		return nil, &OtherAddressError{a, made}
	}
	return srspace.DrawOne(ctx, m.Drawer, lr, a.Seed)
}
