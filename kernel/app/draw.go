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

// ContradictionError is an option that an address says otherwise.
type ContradictionError struct {
	Option         string // field of ModelOptions
	Given, Address any
}

func (e *ContradictionError) Error() string {
	return fmt.Sprintf("%s is %v, the address says %v", e.Option, e.Given, e.Address)
}

// follow takes from an address what it says, and refuses options that say
// otherwise.
func (o *ModelOptions) follow(a srspace.Address) error {
	rng, fit := a.RNG, a.Fit
	if rng == "" {
		rng = srspace.RNG
	}
	precision := a.Precision
	if precision == "" {
		precision = "float32"
	}
	for _, c := range []struct {
		option         string
		given          bool
		asked, address any
	}{
		{"Sampler", o.Sampler != "", o.Sampler, a.Method}, {"Steps", o.Steps != 0, o.Steps, a.Steps},
		{"RNG", o.RNG != "", o.RNG, rng}, {"Precision", o.Precision != "", o.Precision, precision},
		{"Tile", o.Tile != 0, o.Tile, a.Tile}, {"Window", o.Window != 0, o.Window, a.Window}, {"Project", o.Project != 0, o.Project, a.Projection},
		{"Fit", o.Fit != "" && fit != "", o.Fit, fit},
	} {
		if c.given && c.asked != c.address {
			return &ContradictionError{c.option, c.asked, c.address}
		}
	}
	if o.Eta != nil && *o.Eta != a.Eta {
		return &ContradictionError{"Eta", *o.Eta, a.Eta}
	}
	o.Sampler, o.Steps, o.Eta, o.RNG, o.Precision = a.Method, a.Steps, &a.Eta, a.RNG, a.Precision
	o.Tile, o.Window, o.Project = a.Tile, a.Window, a.Projection
	if a.Fit != "" { // else the option's must be the usual one, which the address leaves out
		o.Fit = a.Fit
	}
	return nil
}

// DrawAddress draws one sample again, from everything that its address says.
// o.Model says where the address's model is, unless its name is enough; the
// other options that an address holds are taken from it, and refused where they
// say otherwise. lr may be nil for a test digit. It returns the sample's PNG,
// byte for byte the space's file, and notes: that an address of a version
// before [srspace.Recipe] had a Configuration does not say it.
func (ms *Models) DrawAddress(ctx context.Context, a srspace.Address, o ModelOptions, lr *picture.Image) (png []byte, notes []string, err error) {
	if o.Model == "" {
		o.Model = a.Model
	}
	if IsONNX(o.Model) {
		if o.Window != 0 && o.Window != a.Window {
			return nil, nil, &ContradictionError{"Window", o.Window, a.Window}
		}
		o.Window = a.Window
	} else if err := o.follow(a); err != nil {
		return nil, nil, err
	}
	if lr == nil {
		if lr = digits.FindLR(a.LR); lr == nil {
			return nil, nil, fmt.Errorf("%w: %s is none of the test digits", ErrOtherPicture, a.LR)
		}
	}
	m, err := ms.Open(ctx, o, lr)
	if err == nil {
		err = m.Check(lr, 1)
	}
	if err != nil {
		return nil, nil, err
	}
	made := m.Recipe().Address(lr.Hash(), a.Seed)
	if a.Configuration == "" && made.Configuration != "" {
		notes = append(notes, fmt.Sprintf("the address is of an older version and does not say the model's configuration; %s is taken", made.Configuration))
		made.Configuration = ""
	}
	if made != a {
		return nil, nil, &OtherAddressError{a, made}
	}
	png, err = srspace.DrawOne(ctx, m.Drawer, lr, a.Seed)
	return png, notes, err
}
