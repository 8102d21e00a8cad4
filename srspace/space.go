package srspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

const (
	manifestName = "manifest.json"
	lrName       = "lr.png"
	samplesName  = "samples"
)

var (
	// ErrNoSample is wrapped where a space does not hold the sample asked for.
	ErrNoSample = errors.New("no such sample")
	// ErrReadOnly is wrapped by Draw on a space that OpenFolder opened.
	ErrReadOnly = errors.New("space is read-only")
	// ErrOtherSpace is wrapped where a folder holds a space made otherwise.
	ErrOtherSpace = errors.New("space was made otherwise")
)

// Space is a set of samples of one LR picture, kept in a folder:
//
//	manifest.json       what they were drawn from and with, see [Manifest]
//	lr.png              the LR picture
//	samples/000017.png  the sample of seed 17
//
// [Create] or [Open] one, then [Space.Draw]. [OpenFolder] opens a folder of
// pictures made elsewhere. Reading methods look at the folder anew each time
// and may be called while a sample is drawn, here or in another process.
type Space struct {
	dir      string
	manifest Manifest
	lr       *picture.Image    // nil where unknown
	foreign  map[uint64]string // file name by seed, for OpenFolder

	recipeHash string // fingerprint of manifest.Recipe
}

// Create makes the folder dir a space of lr, or opens the space there if it
// has the same LR picture, recipe and base seed. Where one of them differs the
// error wraps [ErrOtherSpace] and names it. A folder that holds other things
// and no space is refused. One that holds this LR picture and samples is a
// space that lost its manifest, and gets a new one; samples that fit are kept.
//
// The LR is rounded to 8 bits a channel (see [picture.Image.Quantized]); samples are
// drawn from the rounded picture.
func Create(dir string, lr *picture.Image, recipe Recipe, baseSeed uint64) (*Space, error) {
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	if lr == nil || lr.Width <= 0 || lr.Height <= 0 || len(lr.Pix) != 3*lr.Width*lr.Height {
		return nil, errors.New("create space: the LR picture is empty")
	}
	hash := lr.Hash()
	s, err := openSame(dir, hash, recipe, baseSeed)
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := checkFree(dir, hash); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, samplesName), 0o777); err != nil {
		return nil, fmt.Errorf("create space: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have created it before the lock was ours.
	if s, err := openSame(dir, hash, recipe, baseSeed); !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := lr.WritePNG(filepath.Join(dir, lrName)); err != nil {
		return nil, fmt.Errorf("create space: %w", err)
	}
	m := newManifest(hash, recipe, baseSeed)
	data, err := m.encode()
	if err != nil {
		return nil, err
	}
	// Last, so that a folder with a manifest is a whole space.
	if err := atomicfile.Write(filepath.Join(dir, manifestName), data); err != nil {
		return nil, fmt.Errorf("create space: %w", err)
	}
	return newSpace(dir, m, lr.Quantized()), nil
}

// openSame opens the space in dir and checks that it is the one described. It
// fails with os.ErrNotExist if there is no manifest.
func openSame(dir, lrHash string, recipe Recipe, baseSeed uint64) (*Space, error) {
	m, err := readManifest(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	why := m.Recipe.difference(recipe)
	switch {
	case m.LRHash != lrHash:
		why = fmt.Sprintf("LR picture %.12s, not %.12s", m.LRHash, lrHash)
	case why == "" && m.BaseSeed != baseSeed:
		why = fmt.Sprintf("base_seed %d, not %d", m.BaseSeed, baseSeed)
	}
	if why != "" {
		return nil, otherSpace(dir, why)
	}
	s, err := Open(dir)
	if errors.Is(err, os.ErrNotExist) { // the manifest is there, lr.png is not
		return nil, hint.With(fmt.Errorf("%s: %v", dir, err), hint.Of(err))
	}
	return s, err
}

func otherSpace(dir, why string) error {
	return hint.With(fmt.Errorf("%s: %w: with %s", dir, ErrOtherSpace, why), "use another folder, or the settings it was made with")
}

// checkFree refuses folders with content that is not a space's of the LR
// picture with that hash.
func checkFree(dir, lrHash string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return hint.With(fmt.Errorf("create space: %w", err), "name a folder that does not exist yet")
	}
	// Who keeps picks and readings beside the samples must be able to follow
	// manifestHint.
	if info, err := os.Stat(filepath.Join(dir, samplesName)); err == nil && info.IsDir() {
		if lr, err := picture.ReadFile(filepath.Join(dir, lrName)); err == nil && lr.Hash() == lrHash {
			return nil
		}
	}
	for _, e := range entries {
		name := e.Name()
		if name != lrName && name != samplesName && name != lockName && !strings.HasPrefix(name, atomicfile.TempPrefix) && !strings.HasPrefix(name, manifestName) {
			return hint.With(fmt.Errorf("create space: %s holds %q and is no space", dir, name), "name a new or empty folder")
		}
	}
	return nil
}

// Open opens the space in dir. Errors wrap [ErrManifest] where the manifest
// cannot be used, os.ErrNotExist where there is none.
func Open(dir string) (*Space, error) {
	m, err := readManifest(filepath.Join(dir, manifestName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotSpaceError{Dir: dir, Err: err}
	}
	if err != nil {
		return nil, err
	}
	const advice = "the samples are kept; put the LR picture back as lr.png"
	lr, err := picture.ReadFile(filepath.Join(dir, lrName))
	if err != nil {
		return nil, hint.With(err, advice)
	}
	if h := lr.Hash(); h != m.LRHash {
		return nil, hint.With(fmt.Errorf("%s: %s is picture %.12s, the manifest names %.12s", dir, lrName, h, m.LRHash), advice)
	}
	return newSpace(dir, m, lr), nil
}

func newSpace(dir string, m Manifest, lr *picture.Image) *Space {
	return &Space{dir: dir, manifest: m, lr: lr, recipeHash: m.Recipe.fingerprint()}
}

// Dir returns the space's folder.
func (s *Space) Dir() string { return s.dir }

// Manifest returns what the samples were drawn from and with. For a space of
// [OpenFolder] all fields but LRHash are zero, and that too where no lr.png
// is in the folder.
func (s *Space) Manifest() Manifest { return s.manifest }

// LR returns the LR picture, or nil if it is unknown. Do not change it.
func (s *Space) LR() *picture.Image { return s.lr }

// Sample reads the sample of a seed with what is known of it; errors are those
// of [Space.Image].
func (s *Space) Sample(seed uint64) (Sample, error) {
	img, err := s.Image(seed)
	if err != nil {
		return Sample{}, err
	}
	return Sample{Seed: seed, Image: img, File: s.foreign[seed]}, nil
}

// FileName returns the name of the file of the sample with a seed, without its
// folder: what people who made the pictures elsewhere know it by.
func (s *Space) FileName(seed uint64) string { return filepath.Base(s.Path(seed)) }

// ReadOnly reports whether the space was opened by [OpenFolder].
func (s *Space) ReadOnly() bool { return s.foreign != nil }

// Address returns the address of the sample of a seed, drawn or not. It is
// the zero Address for a space of [OpenFolder], whose origin is unknown.
func (s *Space) Address(seed uint64) Address {
	if s.ReadOnly() {
		return Address{}
	}
	return s.manifest.Recipe.Address(s.manifest.LRHash, seed)
}

// Path returns where the sample of a seed is or will be kept.
func (s *Space) Path(seed uint64) string {
	if s.ReadOnly() {
		name, ok := s.foreign[seed]
		if !ok {
			name = sampleName(seed)
		}
		return filepath.Join(s.dir, name)
	}
	return filepath.Join(s.dir, samplesName, sampleName(seed))
}

// Len returns the number of samples there are, by the names of their files: a
// file appears under its name when it is whole. It opens none of them, so that
// it counts files too that were damaged or replaced since, which [Space.Seeds]
// leaves out. A folder that cannot be read counts as empty.
func (s *Space) Len() int {
	if s.ReadOnly() {
		return len(s.foreign)
	}
	return len(s.named())
}

// Has reports whether the sample of a seed is there, as [Space.Seeds] tells.
func (s *Space) Has(seed uint64) bool {
	if s.ReadOnly() {
		_, ok := s.foreign[seed]
		return ok
	}
	return seed >= s.manifest.BaseSeed && looksFinished(s.Path(seed), s.origin(seed))
}

// named returns the seeds that files of the folder are named after, in no
// order.
func (s *Space) named() []uint64 {
	dir, err := os.Open(filepath.Join(s.dir, samplesName))
	if err != nil {
		return nil
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil
	}
	var seeds []uint64
	for _, e := range entries {
		if seed, ok := parseSampleName(e.Name()); ok && seed >= s.manifest.BaseSeed && !e.IsDir() {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}

// Seeds returns the seeds of the finished samples in the order they are
// drawn, from the base seed up. Files that are cut off or not this space's
// are left out, told by their first and last bytes; [Space.Image] checks
// every pixel. A folder that cannot be read counts as empty.
func (s *Space) Seeds() []uint64 {
	var seeds []uint64
	if s.ReadOnly() {
		for seed := range s.foreign {
			seeds = append(seeds, seed)
		}
		slices.Sort(seeds)
		return seeds
	}
	for _, seed := range s.named() {
		if s.Has(seed) {
			seeds = append(seeds, seed)
		}
	}
	slices.Sort(seeds)
	return seeds
}

// Image reads the sample of a seed. Errors wrap [ErrNoSample] where it is not
// drawn, and carry a hint where its file is damaged or another's.
func (s *Space) Image(seed uint64) (*picture.Image, error) {
	if s.ReadOnly() {
		name, ok := s.foreign[seed]
		if !ok {
			return nil, s.noSample(seed)
		}
		return picture.ReadFile(filepath.Join(s.dir, name))
	}
	m, err := readSample(s.Path(seed), s.origin(seed))
	if errors.Is(err, os.ErrNotExist) {
		return nil, s.noSample(seed)
	}
	if err != nil {
		return nil, hint.With(fmt.Errorf("sample %d: %w", seed, err), "draw the space again: what is damaged is replaced, the rest is kept")
	}
	return m, nil
}

func (s *Space) noSample(seed uint64) error {
	return &NoSampleError{Dir: s.dir, Seed: seed}
}

func (s *Space) origin(seed uint64) string {
	return stampOrigin(s.Address(seed), s.recipeHash)
}

// sampleName is a sample's file name, six digits or more.
func sampleName(seed uint64) string { return fmt.Sprintf("%06d.png", seed) }

func parseSampleName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".png")
	if !ok {
		return 0, false
	}
	seed, err := strconv.ParseUint(digits, 10, 64)
	return seed, err == nil && sampleName(seed) == name
}
