package ldm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/weights"
)

// Layouts of a checkpoint.
const (
	OriginalLayout  = "original"  // one file, CompVis/latent-diffusion
	DiffusersLayout = "diffusers" // a folder, Hugging Face diffusers
)

// Checkpoint is an open model file or folder: its configuration is known, its
// tensors, under CompVis's names, are read when asked for.
type Checkpoint struct {
	Path   string
	Layout string // OriginalLayout or DiffusersLayout
	Config Config

	// Averaged says that the UNet's weights are the exponential moving
	// averages that the original samples with.
	Averaged bool

	// Assumed lists, for people, what the files do not say, so that the
	// published ×4 model's value was taken.
	Assumed []string

	files   []*weights.File
	paths   []string // of all files that decide the weights
	sources map[string]tensorSource
}

// tensorSource is a tensor made from one or more stored ones.
type tensorSource struct {
	shape []int
	read  func(dst []float32) error
	at    func() (file int, offset int64) // for reading forward
}

// OpenOptions change how a checkpoint is read. The zero value is what the
// original code does.
type OpenOptions struct {
	// Raw takes the UNet's weights as they were after the last training
	// step, where the file has their averages too.
	Raw bool

	// Config is used instead of one found beside the file or worked out from
	// the tensors. Of a diffusers folder it must be nil.
	Config *Config

	// HeadChannels is the size of the UNet's attention heads, for an original
	// file without a configuration: no tensor's shape tells it. 0 takes the
	// configuration's, or the published model's 32 where there is none.
	HeadChannels int
}

// Open opens a checkpoint with the default options; see [OpenOptions.Open].
func Open(path string) (*Checkpoint, error) { return OpenOptions{}.Open(path) }

// Open opens a model in one of its published layouts.
//
// Original: a file of torch.save (Lightning's checkpoint or a flat dict; zip
// or legacy) or safetensors, or a folder with one such file. The
// configuration is a CompVis project.yaml beside it (or the Lightning
// checkpoint's hyper-parameters), else worked out from shapes and schedule
// buffers.
//
// Diffusers: a folder with model_index.json, whose component configurations
// are read; attention in its old (query, key, value, proj_attn) or new (to_q,
// to_k, to_v, to_out.0) names; .safetensors or .bin.
//
// Element types float32, float16, bfloat16 and float64 are accepted. Tensors
// that are missing, unknown or of another shape than the configuration needs
// are an error that names them. No value is read yet. Nothing in a file is
// ever executed.
func (o OpenOptions) Open(path string) (c *Checkpoint, err error) {
	c = &Checkpoint{Path: path, sources: map[string]tensorSource{}}
	defer func() {
		if err != nil {
			c.Close()
			c, err = nil, fmt.Errorf("checkpoint %s: %w", path, err)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "model_index.json")); err == nil {
			return c, c.openDiffusers(path, o)
		}
		if path, err = onlyCheckpoint(path); err != nil {
			return c, err
		}
	}
	return c, c.openOriginal(path, o)
}

// onlyCheckpoint finds the one checkpoint file of a folder.
func onlyCheckpoint(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".ckpt", ".pth", ".pt", ".bin", ".safetensors":
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("a folder without model_index.json and with %d checkpoint files %q; name one of them", len(found), found)
	}
	return filepath.Join(dir, found[0]), nil
}

// openFile opens a weight file and remembers it.
func (c *Checkpoint) openFile(path string) (*weights.File, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	c.files, c.paths = append(c.files, f), append(c.paths, path)
	return f, nil
}

// single is a stored tensor as it is, in the given shape of as many elements.
func single(index int, f *weights.File, name string, shape []int) tensorSource {
	return tensorSource{
		shape: shape,
		read:  func(dst []float32) error { return f.Read(name, dst) },
		at:    func() (int, int64) { return index, f.Offset(name) },
	}
}

// Close closes the files. A Model loaded from them stays.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Names returns the tensors' names, sorted, as in a CompVis checkpoint.
func (c *Checkpoint) Names() []string {
	names := make([]string, 0, len(c.sources))
	for name := range c.sources {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Shape returns a tensor's shape, or nil where there is none of that name.
func (c *Checkpoint) Shape(name string) []int { return slices.Clone(c.sources[name].shape) }

// Tensor reads a tensor as float32. Infinite values and NaN are an error.
func (c *Checkpoint) Tensor(name string) (*Tensor, error) {
	s, ok := c.sources[name]
	if !ok {
		return nil, fmt.Errorf("checkpoint %s: no tensor %q", c.Path, name)
	}
	t := weights.NewTensor(s.shape...)
	if err := s.read(t.Data); err != nil {
		return nil, err
	}
	if finite.Not(t.Data) >= 0 {
		return nil, fmt.Errorf("checkpoint %s: tensor %q is not finite", c.Path, name)
	}
	return t, nil
}

// inFileOrder returns the names in the order their values lie in the files.
func (c *Checkpoint) inFileOrder() []string {
	names := c.Names()
	sort.SliceStable(names, func(i, j int) bool {
		fi, oi := c.sources[names[i]].at()
		fj, oj := c.sources[names[j]].at()
		return fi < fj || fi == fj && oi < oj
	})
	return names
}

// Verify reads all tensors and reports those that cannot be read or are not
// finite. progress may be nil.
func (c *Checkpoint) Verify(progress func(done, total int)) error {
	var buffer []float32
	return c.each(progress, func(_ string, s tensorSource, check func(data []float32) error) error {
		n := elements(s.shape)
		buffer = slices.Grow(buffer[:0], n)[:n]
		if err := s.read(buffer); err != nil {
			return err
		}
		return check(buffer)
	})
}

// each visits the tensors in file order. Those that visit finds not finite,
// with check, are reported together at the end.
func (c *Checkpoint) each(progress func(done, total int), visit func(name string, s tensorSource, check func(data []float32) error) error) error {
	names := c.inFileOrder()
	var bad []string
	for i, name := range names {
		err := visit(name, c.sources[name], func(data []float32) error {
			if finite.Not(data) >= 0 {
				bad = append(bad, name)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("checkpoint %s: %w", c.Path, err)
		}
		if progress != nil {
			progress(i+1, len(names))
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("checkpoint %s: %d tensors not finite (%s)", c.Path, len(bad), some(bad))
	}
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Model loads the weights into networks on b. Values go from the file to
// where they stay, so memory is that of the weights as float32 and little
// more.
func (c *Checkpoint) Model(b compute.Backend) (*Model, error) { return c.load(b, nil) }

// Load is Model on a backend by its GoMLX configuration, e.g. "go" or
// "onnx:cpu"; "" takes the fastest that is installed.
func (c *Checkpoint) Load(config string) (*Model, error) {
	b, err := backend.Open(config)
	if err != nil {
		return nil, err
	}
	return c.Model(b)
}

func (c *Checkpoint) load(b compute.Backend, progress func(done, total int)) (m *Model, err error) {
	defer recovered(&err)
	m, loader := newModel(b, c.Config)
	err = c.each(progress, func(name string, s tensorSource, check func([]float32) error) error {
		return loader.Add(name, s.shape, func(dst []float32) error {
			if err := s.read(dst); err != nil {
				return err
			}
			return check(dst)
		})
	})
	if err != nil {
		return nil, err
	}
	runtime.GC() // what reading left, before graphs ask for more
	return m, m.compile()
}

// SHA256 identifies the weights: the SHA-256 of the file, or, of a folder,
// of the lines "sha256  name" of its files in the order of their names.
func (c *Checkpoint) SHA256() (string, error) {
	var lines []string
	for _, path := range c.paths {
		sum, err := hashFile(path)
		if err != nil {
			return "", err
		}
		if len(c.paths) == 1 {
			return sum, nil
		}
		name, err := filepath.Rel(c.Path, path)
		if err != nil {
			name = filepath.Base(path)
		}
		lines = append(lines, fmt.Sprintf("%s  %s\n", sum, filepath.ToSlash(name)))
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i][66:] < lines[j][66:] })
	h := sha256.New()
	for _, l := range lines {
		io.WriteString(h, l)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
