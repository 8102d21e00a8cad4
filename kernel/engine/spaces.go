package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// space is an SR space in the folder spaces with what the engine knows of it.
// It is opened anew for each request: the folder is the truth, and another
// kernel may be drawing into it.
type space struct {
	name, dir string
	store     *srspace.Space
	subject   *subject
}

// openSpace returns the space of that name.
func (e *Engine) openSpace(name string) (*space, error) {
	if err := checkSpaceName(name); err != nil {
		return nil, err
	}
	dir := filepath.Join(e.spacesDir(), name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, hint.With(noSpaceError{fmt.Errorf("there is no space %q", name)}, "draw it first, for example lab.Digit(497).Draw(324)")
	}
	store, err := srspace.Open(dir)
	if err != nil {
		return nil, withContext("space "+name, err)
	}
	return &space{name: name, dir: dir, store: store, subject: e.subjectOf(dir, name, store.LR())}, nil
}

// noSpaceError lets the pages answer 404.
type noSpaceError struct{ error }

// images returns all samples in the order of their seeds.
func (s *space) images() ([]uint64, []*picture.Image, error) {
	seeds := s.store.Seeds()
	images := make([]*picture.Image, len(seeds))
	for i, seed := range seeds {
		var err error
		if images[i], err = s.store.Image(seed); err != nil {
			return nil, nil, withContext("space "+s.name, err)
		}
	}
	return seeds, images, nil
}

// scale is the side of a sample over the side of the LR picture.
func (s *space) scale() int { return s.store.Manifest().Recipe.Scale }

// wire returns the space as cells see it.
func (s *space) wire() *wire.Space {
	seeds := s.store.Seeds()
	out := &wire.Space{Name: s.name, Samples: len(seeds), Recipe: describe(s.store.Manifest().Recipe), Seeds: seeds}
	for _, seed := range seeds {
		out.Addresses = append(out.Addresses, s.store.Address(seed).String())
	}
	return out
}

// describe puts a recipe in words.
func describe(r srspace.Recipe) string {
	return fmt.Sprintf("%s ×%d, %s %d steps, eta %s, backend %s", r.Model, r.Scale, r.Method, r.Steps, trimFloat(r.Eta), r.Backend)
}

func trimFloat(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// spaceName returns the name of the space of a subject drawn so. Parameters
// that the request leaves to the model do not show; others make another name.
func spaceName(subject *subject, d *wire.Draw) string {
	name := subject.Name
	if d.Steps != 0 {
		name += "-steps" + strconv.Itoa(d.Steps)
	}
	if d.Eta != nil {
		name += "-eta" + strconv.FormatFloat(*d.Eta, 'f', -1, 64)
	}
	if d.Seed != 0 {
		name += "-seed" + strconv.FormatUint(d.Seed, 10)
	}
	return name
}

func checkDraw(d *wire.Draw) error {
	switch {
	case d == nil || d.N < 1 || d.N > wire.MaxSamples:
		n := 0
		if d != nil {
			n = d.N
		}
		return hint.With(fmt.Errorf("cannot draw %d samples", n), fmt.Sprintf("draw 1 to %d", wire.MaxSamples))
	case d.Steps < 0 || d.Steps > 1000:
		return hint.With(fmt.Errorf("cannot sample in %d steps", d.Steps), "use 1 to 1000, or 0 for the model's default")
	case d.Eta != nil && !(*d.Eta >= 0 && *d.Eta <= 1):
		return hint.With(fmt.Errorf("eta is %v", *d.Eta), "use 0 (deterministic) to 1 (ancestral)")
	}
	return nil
}

// draw returns the space of a subject with at least d.N samples, drawing
// those that are missing. Every finished sample is on disk: when ctx ends, a
// later draw goes on where this one stopped.
func (e *Engine) draw(ctx context.Context, source *wire.Source, d *wire.Draw, report func(wire.Progress)) (*wire.Space, error) {
	if err := checkDraw(d); err != nil {
		return nil, err
	}
	subject, err := e.subject(source)
	if err != nil {
		return nil, err
	}
	model, err := e.loader.wait(ctx, report)
	if err != nil {
		return nil, err
	}
	progress := &drawing{report: report}
	sampler, err := model.Sampler(d.Steps, d.Eta, progress.step)
	if err != nil {
		return nil, err
	}
	recipe := sampler.Recipe()
	name, dir := e.placeFor(subject, d, recipe)
	store, err := whenFree(ctx, report, func() (*srspace.Space, error) {
		return srspace.Create(dir, subject.lr, recipe, d.Seed)
	})
	if err != nil {
		return nil, withContext("space "+name, err)
	}
	if err := subject.save(dir); err != nil {
		return nil, err
	}
	before, start := store.Len(), time.Now()
	if before < d.N {
		_, err := whenFree(ctx, report, func() (*srspace.Space, error) {
			return store, store.Draw(ctx, sampler, d.N, progress.samples)
		})
		if err != nil {
			return nil, err
		}
	}
	s := &space{name: name, dir: dir, store: store, subject: subject}
	out := s.wire()
	out.Drawn, out.Seconds = store.Len()-before, time.Since(start).Seconds()
	return out, nil
}

// placeFor returns the name and folder for a space. A folder of that name may
// hold samples of another recipe (the weights were trained anew, or another
// backend is used): then the recipe's hash joins the name, for samples of two
// recipes never share a space.
func (e *Engine) placeFor(subject *subject, d *wire.Draw, recipe srspace.Recipe) (name, dir string) {
	name = spaceName(subject, d)
	dir = filepath.Join(e.spacesDir(), name)
	if found, err := srspace.Open(dir); err == nil && found.Manifest().Recipe != recipe {
		data, _ := json.Marshal(recipe)
		hash := sha256.Sum256(data)
		name += "-" + hex.EncodeToString(hash[:4])
		dir = filepath.Join(e.spacesDir(), name)
	}
	return name, dir
}

// whenFree does what needs a space's writer lock as soon as nobody else, in
// this process or another, holds it.
func whenFree(ctx context.Context, report func(wire.Progress), do func() (*srspace.Space, error)) (*srspace.Space, error) {
	for {
		store, err := do()
		if !errors.Is(err, srspace.ErrBusy) {
			return store, err
		}
		report(wire.Progress{Note: "waiting: another cell is drawing this space"})
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// spaceNames lists the spaces on disk.
func (e *Engine) spaceNames() []string {
	entries, err := os.ReadDir(e.spacesDir())
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && checkSpaceName(entry.Name()) == nil {
			names = append(names, entry.Name())
		}
	}
	return names
}

// address returns the address of a sample of the space.
func (s *space) address(seed uint64) (string, error) {
	for _, have := range s.store.Seeds() {
		if have == seed {
			return s.store.Address(seed).String(), nil
		}
	}
	return "", hint.With(fmt.Errorf("space %s has no sample of seed %d", s.name, seed),
		fmt.Sprintf("it holds %d samples; space.Seeds() lists their seeds", s.store.Len()))
}
