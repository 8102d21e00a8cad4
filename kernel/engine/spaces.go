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
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
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
	record := readSubject(dir)
	var store *srspace.Space
	var err error
	if record.Folder != "" {
		store, err = app.OpenSpace(record.Folder)
	} else {
		store, err = srspace.Open(dir)
	}
	if err != nil {
		return nil, withContext("space "+name, err)
	}
	return &space{name: name, dir: dir, store: store, subject: e.subjectOf(dir, name, record, store.LR())}, nil
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

// scale is the side of a sample over the side of the LR picture; 0 where that
// is not known.
func (s *space) scale() int {
	if r := s.store.Manifest().Recipe; r.Scale > 0 {
		return r.Scale
	}
	w, _ := s.size()
	if s.subject.lr == nil || w%s.subject.lr.Width != 0 {
		return 0
	}
	return w / s.subject.lr.Width
}

// size returns the width and height of a sample; of a folder, those of the
// first one.
func (s *space) size() (width, height int) {
	if r := s.store.Manifest().Recipe; r.Scale > 0 {
		return s.subject.lr.Width * r.Scale, s.subject.lr.Height * r.Scale
	}
	if seeds := s.store.Seeds(); len(seeds) > 0 {
		if info, err := picture.Describe(s.store.Path(seeds[0])); err == nil {
			return info.Width, info.Height
		}
	}
	return 0, 0
}

// bicubic is the LR picture at the size of a sample; nil where there is no LR
// picture, or none of a whole factor.
func (s *space) bicubic() (*picture.Image, error) {
	if s.scale() == 0 || s.subject.lr == nil {
		return nil, nil
	}
	return imresize.Upscale(s.subject.lr, s.scale())
}

// wire returns the space as cells see it.
func (s *space) wire() *wire.Space {
	seeds := s.store.Seeds()
	out := &wire.Space{Name: s.name, Dir: s.store.Dir(), Samples: len(seeds), Recipe: describe(s.store.Manifest().Recipe), Seeds: seeds}
	for _, seed := range seeds {
		address := s.store.Address(seed).String()
		if address == "" { // made elsewhere: its file is all that is known
			address = s.store.Path(seed)
		}
		out.Addresses = append(out.Addresses, address)
	}
	return out
}

// describe puts a recipe in words.
func describe(r srspace.Recipe) string {
	if r.Scale == 0 {
		return "pictures made elsewhere"
	}
	steps := fmt.Sprintf("%d steps", r.Steps)
	if r.Steps == 1 {
		steps = "1 step"
	}
	return fmt.Sprintf("%s ×%d, %s, %s, eta %s, backend %s", r.Model, r.Scale, r.Method, steps, trimFloat(r.Eta), r.Backend)
}

func trimFloat(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// spaceName returns the name of the space of a subject drawn so. What the
// request leaves to the model does not show; the rest makes another name.
func spaceName(subject *subject, d *wire.Draw) string {
	name := subject.Name
	add := func(what string, given bool, value any) {
		if given {
			name += strings.ToLower(fmt.Sprintf("-%s%v", what, value))
		}
	}
	add("", d.Model.Model != "" && d.Model.Model != app.DefaultModel(subject.lr), app.NameFor(d.Model.Model))
	add("", d.Sampler != "", d.Sampler)
	add("steps", d.Steps != 0, d.Steps)
	if d.Eta != nil {
		add("eta", true, strconv.FormatFloat(*d.Eta, 'f', -1, 64))
	}
	add("fit-", d.Fit != "", d.Fit)
	add("rng-", d.RNG != "", d.RNG)
	add("", d.Precision != "", d.Precision)
	add("tile", d.Tile != 0, d.Tile)
	add("window", d.Window != 0, d.Window)
	add("project", d.Project != 0, d.Project)
	add("seed", d.Seed != 0, d.Seed)
	if len(name) > maxName-9 { // room for the hash of placeFor
		hash := sha256.Sum256([]byte(name))
		name = strings.TrimRight(name[:maxName-18], "-.") + "-" + hex.EncodeToString(hash[:4])
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
// later draw continues where this one stopped.
func (e *Engine) draw(ctx context.Context, source *wire.Source, d *wire.Draw, report func(wire.Progress)) (*wire.Space, error) {
	if err := checkDraw(d); err != nil {
		return nil, err
	}
	subject, err := e.subject(source)
	if err != nil {
		return nil, err
	}
	options, err := modelOptions(d.Model)
	if err != nil {
		return nil, err
	}
	model, err := waiting(ctx, report, func(ctx context.Context) (*app.Model, error) {
		m, err := e.config.Tools.Models.Open(ctx, options, subject.lr)
		if err == nil {
			err = m.Check(subject.lr, d.N)
		}
		return m, err
	})
	if err != nil {
		return nil, inCells(err)
	}
	progress := &drawing{report: report}
	model.OnStep(progress.step)
	recipe := model.Recipe()
	if err := subject.fits(recipe.Scale); err != nil {
		return nil, err
	}
	name, dir := e.placeFor(subject, d, recipe)
	busy := func() { report(wire.Progress{Note: "waiting: another cell is drawing this space"}) }
	before, drawn := -1, 0
	start := time.Now()
	store, err := model.Draw(ctx, dir, subject.lr, app.DrawOptions{N: d.N, Seed: d.Seed, Busy: busy,
		Progress: func(store *srspace.Space, p srspace.Progress) {
			if before < 0 { // it holds a space now, whatever becomes of the drawing
				before = p.Done
				if err := subject.save(dir); err != nil {
					e.log.Printf("space %s: %v", name, err)
				}
			}
			drawn = p.Done - before
			progress.samples(p.Done, p.Total)
		}})
	if err != nil {
		return nil, withContext("space "+name, inCells(err))
	}
	if err := subject.save(dir); err != nil {
		return nil, err
	}
	s := &space{name: name, dir: dir, store: store, subject: subject}
	out := s.wire()
	out.Drawn, out.Seconds, out.Assumed = drawn, time.Since(start).Seconds(), model.Assumed
	return out, nil
}

// folder returns the space of a folder of pictures made elsewhere. What is
// known of it, and picks, are kept with the other spaces; the folder is read
// only.
func (e *Engine) folder(f *wire.Folder) (*wire.Space, error) {
	if f == nil || f.Dir == "" {
		return nil, hint.With(fmt.Errorf("no folder"), "name it: lab.Folder(\"samples/\")")
	}
	if _, err := app.OpenSpace(f.Dir); err != nil {
		return nil, inCells(err)
	}
	hash := sha256.Sum256([]byte(f.Dir))
	base := app.NameFor(f.Dir)
	record := subjectRecord{Name: "folder-" + base[:min(len(base), 40)] + "-" + hex.EncodeToString(hash[:3]), Title: "folder " + filepath.Base(f.Dir), Folder: f.Dir}
	dir := filepath.Join(e.spacesDir(), record.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, file := range map[string]string{lrFile: f.LR, hrFile: f.HR} {
		if file == "" {
			continue
		}
		img, err := picture.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := img.WritePNG(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	if err := (&subject{subjectRecord: record}).save(dir); err != nil {
		return nil, err
	}
	s, err := e.openSpace(record.Name)
	if err != nil {
		return nil, err
	}
	if w, h := s.size(); s.subject.hr != nil && (s.subject.hr.Width != w || s.subject.hr.Height != h) {
		return nil, errors.Join(inCells(&app.WrongSizeError{HRWidth: s.subject.hr.Width, HRHeight: s.subject.hr.Height, Width: w, Height: h}), os.Remove(filepath.Join(dir, hrFile)))
	}
	return s.wire(), nil
}

// placeFor returns the name and folder for a space. A folder of that name may
// hold samples of another recipe (the weights were trained again, or another
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
	if s.store.Has(seed) {
		return s.store.Address(seed).String(), nil
	}
	return "", hint.With(fmt.Errorf("space %s has no sample of seed %d", s.name, seed),
		fmt.Sprintf("it holds %d samples; space.Seeds() lists their seeds", s.store.Len()))
}
