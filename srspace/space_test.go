package srspace

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// toySampler adds a little noise of the seed to the enlarged LR.
type toySampler struct {
	recipe Recipe
	asked  []uint64                         // seeds of every call, in order
	spoil  func(i int, s *Sample) error     // changes or refuses the i-th sample
	wait   func(ctx context.Context, i int) // before the i-th sample
}

func newToy() *toySampler { return &toySampler{recipe: testRecipe} }

func (t *toySampler) Recipe() Recipe { return t.recipe }

func (t *toySampler) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[Sample, error] {
	t.asked = append(t.asked, seeds...)
	return func(yield func(Sample, error) bool) {
		for i, seed := range seeds {
			if t.wait != nil {
				t.wait(ctx, i)
			}
			if err := ctx.Err(); err != nil {
				yield(Sample{}, err)
				return
			}
			m := picture.NewImage(lr.Width*t.recipe.Scale, lr.Height*t.recipe.Scale)
			Noise(m.Pix, seed, 0)
			for y := range m.Height {
				for x := range m.Width {
					for c := range 3 {
						p := &m.Pix[(y*m.Width+x)*3+c]
						*p = lr.Pix[(y/t.recipe.Scale*lr.Width+x/t.recipe.Scale)*3+c] + *p/10
					}
				}
			}
			s := Sample{Seed: seed, Image: m}
			if t.spoil != nil {
				if err := t.spoil(i, &s); err != nil {
					yield(Sample{}, err)
					return
				}
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// toyLR is a 2×2 picture with a value that 8 bits round.
func toyLR() *picture.Image {
	return &picture.Image{Width: 2, Height: 2, Pix: []float32{0, 0.1, 0.2, 0.5, 0.5, 0.5, 1, 0, 1, 0.3333, 0.25, 0.75}}
}

func createToy(t testing.TB, dir string, baseSeed uint64) *Space {
	t.Helper()
	s, err := Create(dir, toyLR(), testRecipe, baseSeed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func drawToy(t testing.TB, s *Space, n int) *toySampler {
	t.Helper()
	toy := newToy()
	if err := s.Draw(context.Background(), toy, n, nil); err != nil {
		t.Fatal(err)
	}
	return toy
}

// sampleFiles returns the bytes of all in the samples folder, by name.
func sampleFiles(t testing.TB, s *Space) map[string]string {
	t.Helper()
	files := map[string]string{}
	dir := filepath.Join(s.Dir(), samplesName)
	for _, name := range fileNames(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

func sameFiles(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, data := range a {
		if b[name] != data {
			return false
		}
	}
	return true
}

func TestSpaceKeepsWhatIsDrawn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "space")
	s := createToy(t, dir, 16)
	var told []int
	err := s.Draw(context.Background(), newToy(), 3, func(done, total int) {
		if total != 3 || s.Len() != done {
			t.Errorf("progress %d of %d with %d on disk", done, total, s.Len())
		}
		told = append(told, done)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 2, 3}; !slices.Equal(told, want) {
		t.Errorf("progress %v, want %v", told, want)
	}
	if got, want := fileNames(t, filepath.Join(dir, "samples")), []string{"000016.png", "000017.png", "000018.png"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}

	s, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Seeds(), []uint64{16, 17, 18}; !slices.Equal(got, want) || s.Len() != 3 {
		t.Errorf("seeds %v, want %v", got, want)
	}
	if got, want := s.LR().Hash(), toyLR().Hash(); got != want || s.Manifest().LRHash != want {
		t.Errorf("LR %s, manifest %s, want %s", got, s.Manifest().LRHash, want)
	}
	if m := s.Manifest(); m.Recipe != testRecipe || m.BaseSeed != 16 || m.Format != 1 || m.Versions["go"] == "" || m.Created.IsZero() {
		t.Errorf("manifest %+v", m)
	}
	if got, want := s.Address(17).String(), "toy@0123456789ab/lr@"+toyLR().Hash()[:12]+"/ddim-50-eta1/seed/17"; got != want {
		t.Errorf("address %s, want %s", got, want)
	}
	if got, want := s.Path(17), filepath.Join(dir, "samples", "000017.png"); got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	// The sample is what the sampler makes of the rounded LR, and differs
	// from its neighbour.
	for sample := range newToy().Sample(context.Background(), toyLR().Quantized(), []uint64{17}) {
		got, err := s.Image(17)
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash() != sample.Image.Hash() {
			t.Error("sample 17 is not what the sampler made")
		}
		if other, err := s.Image(16); err != nil || other.Hash() == got.Hash() {
			t.Errorf("sample 16 equals sample 17, or %v", err)
		}
	}
	if _, err := s.Image(19); !errors.Is(err, ErrNoSample) {
		t.Errorf("sample 19: %v, want %v", err, ErrNoSample)
	}
}

func TestCreateOpensTheSameSpace(t *testing.T) {
	dir := t.TempDir()
	created := createToy(t, dir, 5)
	drawToy(t, created, 2)
	again := createToy(t, dir, 5)
	if again.Manifest().Created != created.Manifest().Created || again.Len() != 2 {
		t.Errorf("not opened but made anew: %d samples", again.Len())
	}
	other := toyLR()
	other.Pix[0] = 0.9
	for _, c := range []struct {
		word string
		make func() (*Space, error)
	}{
		{"LR picture", func() (*Space, error) { return Create(dir, other, testRecipe, 5) }},
		{"base_seed 5, not 6", func() (*Space, error) { return Create(dir, toyLR(), testRecipe, 6) }},
		{"steps 50, not 100", func() (*Space, error) {
			r := testRecipe
			r.Steps = 100
			return Create(dir, toyLR(), r, 5)
		}},
		{`backend "test", not "go"`, func() (*Space, error) {
			r := testRecipe
			r.Backend = "go"
			return Create(dir, toyLR(), r, 5)
		}},
	} {
		if _, err := c.make(); !errors.Is(err, ErrOtherSpace) || !strings.Contains(err.Error(), c.word) || hint.Of(err) == "" {
			t.Errorf("error %v, want one that says %s", err, c.word)
		}
	}
	toy := newToy()
	toy.recipe.Steps = 100
	if err := again.Draw(context.Background(), toy, 3, nil); !errors.Is(err, ErrOtherSpace) || !strings.Contains(err.Error(), "steps") {
		t.Errorf("another sampler drew: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.tex"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(full, "thesis.tex")
	bad := testRecipe
	bad.Steps = 0
	for _, c := range []struct {
		name   string
		dir    string
		lr     *picture.Image
		recipe Recipe
	}{
		{"a folder with other things", full, toyLR(), testRecipe},
		{"a file", file, toyLR(), testRecipe},
		{"no LR", t.TempDir(), nil, testRecipe},
		{"an empty LR", t.TempDir(), &picture.Image{}, testRecipe},
		{"a bad recipe", t.TempDir(), toyLR(), bad},
	} {
		if _, err := Create(c.dir, c.lr, c.recipe, 0); err == nil {
			t.Errorf("created a space in %s", c.name)
		}
	}
	if got := fileNames(t, full); !slices.Equal(got, []string{"thesis.tex"}) {
		t.Errorf("the refused folder now holds %v", got)
	}
	// A space without its manifest takes a new one, whatever lies beside it,
	// but for its own LR picture only.
	lost := t.TempDir()
	drawToy(t, createToy(t, lost, 0), 2)
	if err := os.Rename(filepath.Join(lost, manifestName), filepath.Join(lost, "notes.txt")); err != nil {
		t.Fatal(err)
	}
	other := toyLR()
	other.Pix[0] = 0.9
	if _, err := Create(lost, other, testRecipe, 0); err == nil || hint.Of(err) == "" {
		t.Errorf("the folder of another LR picture: %v", err)
	}
	if s := createToy(t, lost, 0); s.Len() != 2 {
		t.Errorf("%d samples with the new manifest, want 2", s.Len())
	}
}

func TestCreateGoesOnWhereItWasInterrupted(t *testing.T) {
	whole := t.TempDir()
	createToy(t, whole, 0)
	lr, err := os.ReadFile(filepath.Join(whole, lrName))
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range [][]string{{}, {lockName}, {lockName, atomicfile.TempPrefix + "0123"}, {lockName, lrName}} {
		dir := t.TempDir()
		for _, name := range left {
			if err := os.WriteFile(filepath.Join(dir, name), lr[:len(lr)/2], 0o666); err != nil {
				t.Fatal(err)
			}
		}
		createToy(t, dir, 0)
		if s, err := Open(dir); err != nil || s.LR().Hash() != toyLR().Hash() {
			t.Errorf("after %v was left: %v", left, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		kind  error
	}{
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, manifestName)) }, fs.ErrNotExist},
		{"no lr", func(dir string) error { return os.Remove(filepath.Join(dir, lrName)) }, fs.ErrNotExist},
		{"text as lr", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, lrName), []byte("not a picture at all"), 0o666)
		}, picture.ErrNotImage},
		{"another lr", func(dir string) error { return picture.NewImage(2, 2).WritePNG(filepath.Join(dir, lrName)) }, nil},
		{"a folder as manifest", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, manifestName)), os.Mkdir(filepath.Join(dir, manifestName), 0o777))
		}, ErrManifest},
		{"half a manifest", func(dir string) error { return os.Truncate(filepath.Join(dir, manifestName), 100) }, ErrManifest},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := createToy(t, dir, 0)
			drawToy(t, s, 2)
			before := sampleFiles(t, s)
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			if err == nil || (c.kind != nil && !errors.Is(err, c.kind)) {
				t.Fatalf("error %v, want %v", err, c.kind)
			}
			var none *NotSpaceError
			if hint.Of(err) == "" && !errors.As(err, &none) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %q, hint %q", err, hint.Of(err))
			}
			if !sameFiles(before, sampleFiles(t, s)) {
				t.Error("samples changed")
			}
		})
	}
}

func TestSamplesOutliveTheManifest(t *testing.T) {
	dir := t.TempDir()
	drawToy(t, createToy(t, dir, 0), 3)
	manifest := filepath.Join(dir, manifestName)
	if err := os.Truncate(manifest, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, toyLR(), testRecipe, 0); !errors.Is(err, ErrManifest) {
		t.Fatalf("created over half a manifest: %v", err)
	}
	// What the hint says.
	if err := os.Rename(manifest, manifest+".bad"); err != nil {
		t.Fatal(err)
	}
	if toy := drawToy(t, createToy(t, dir, 0), 3); len(toy.asked) != 0 {
		t.Errorf("drawn again: %v", toy.asked)
	}
	// A recipe that the address does not tell apart does not take them over.
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	toy := newToy()
	toy.recipe.Schedule = "cosine"
	s, err := Create(dir, toyLR(), toy.recipe, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Draw(context.Background(), toy, 3, nil); err != nil || len(toy.asked) != 3 {
		t.Errorf("samples of another schedule were taken over: drew %v, %v", toy.asked, err)
	}
}

func TestManifestRefuses(t *testing.T) {
	good, err := newManifest(testLRHash, testRecipe, 1<<63).encode()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := parseManifest(good); err != nil || m.BaseSeed != 1<<63 || m.Recipe != testRecipe {
		t.Fatalf("%+v, %v", m, err)
	}
	swap := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("manifest does not hold %s:\n%s", old, good)
		}
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	for _, c := range []struct {
		name string
		data []byte
		word string
	}{
		{"empty", nil, "empty"},
		{"cut in half", good[:len(good)/2], "cut off"},
		{"not json", []byte("PNG"), "not json"},
		{"a list", []byte("[1]"), "array"},
		{"null", []byte("null"), "no format"},
		{"no format", []byte("{}"), "no format"},
		{"next format", swap(`"format": 1`, `"format": 2`), "format 2"},
		{"format as text", swap(`"format": 1`, `"format": "1"`), "format"},
		{"steps as text", swap(`"steps": 50`, `"steps": "50"`), "recipe.steps"},
		{"steps negative", swap(`"steps": 50`, `"steps": -50`), "steps"},
		{"seed negative", swap(`"base_seed": 9223372036854775808`, `"base_seed": -1`), "base_seed"},
		{"hash cut", swap(testLRHash, testLRHash[:10]), "lr_sha256"},
		{"unknown field", swap(`"steps"`, `"setps"`), "setps"},
		{"two of them", append(slices.Clone(good), good...), "not json"},
		{"huge", append(slices.Clone(good), bytes.Repeat([]byte(" "), maxManifest)...), "bytes"},
	} {
		_, err := parseManifest(c.data)
		if !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), c.word) || !strings.Contains(hint.Of(err), "samples are kept") {
			t.Errorf("%s: error %v (hint %q), want one that says %s", c.name, err, hint.Of(err), c.word)
		}
	}
}

func FuzzManifest(f *testing.F) {
	good, err := newManifest(testLRHash, testRecipe, 7).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			if !errors.Is(err, ErrManifest) || hint.Of(err) == "" {
				t.Fatalf("error %v, hint %q", err, hint.Of(err))
			}
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatalf("cannot be written again: %v", err)
		}
		if back, err := parseManifest(again); err != nil || back.Recipe != m.Recipe || back.BaseSeed != m.BaseSeed || back.LRHash != m.LRHash {
			t.Fatalf("%+v reads back as %+v, %v", m, back, err)
		}
		if a := m.Recipe.Address(m.LRHash, m.BaseSeed); a.String() == "" {
			t.Fatal("no address")
		} else if back, err := ParseAddress(a.String()); err != nil || back != a {
			t.Fatalf("address %s: %v", a, err)
		}
	})
}

func TestDrawRefusesTheSamplersFaults(t *testing.T) {
	boom := errors.New("out of memory")
	for _, c := range []struct {
		name  string
		spoil func(i int, s *Sample) error
		word  string
	}{
		{"error", func(i int, s *Sample) error { return boom }, "out of memory"},
		{"no picture", func(i int, s *Sample) error { s.Image = nil; return nil }, "no picture"},
		{"wrong size", func(i int, s *Sample) error { s.Image = picture.NewImage(2, 2); return nil }, "2×2"},
		{"wrong seed", func(i int, s *Sample) error { s.Seed += 7; return nil }, "in place of"},
		{"NaN", func(i int, s *Sample) error { s.Image.Pix[3] = float32(math.NaN()); return nil }, "NaN"},
		{"infinity", func(i int, s *Sample) error { s.Image.Pix[3] = float32(math.Inf(1)); return nil }, "Inf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := createToy(t, t.TempDir(), 0)
			toy := newToy()
			toy.spoil = func(i int, sample *Sample) error {
				if i == 1 {
					return c.spoil(i, sample)
				}
				return nil
			}
			err := s.Draw(context.Background(), toy, 3, nil)
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("error %v, want one that says %s", err, c.word)
			}
			if got := s.Seeds(); !slices.Equal(got, []uint64{0}) {
				t.Errorf("kept %v, want [0]", got)
			}
		})
	}
	s := createToy(t, t.TempDir(), math.MaxUint64-1)
	if err := s.Draw(context.Background(), newToy(), 3, nil); err == nil {
		t.Error("seeds ran over 2⁶⁴−1")
	}
	if err := s.Draw(context.Background(), newToy(), 2, nil); err != nil {
		t.Errorf("the last two seeds: %v", err)
	}
	if err := s.Draw(context.Background(), newToy(), -1, nil); err == nil {
		t.Error("drew −1 samples")
	}
	if err := s.Draw(context.Background(), newToy(), 0, nil); err != nil {
		t.Errorf("no samples: %v", err)
	}
}

// fileNames lists a folder.
func fileNames(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A file that was cut off since it was written counts by its name, and is none
// of the samples; other names do not count.
func TestLenCountsNames(t *testing.T) {
	s := createToy(t, t.TempDir(), 10)
	drawToy(t, s, 3)
	samples := filepath.Join(s.Dir(), samplesName)
	if err := os.Truncate(s.Path(11), 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000009.png", "13.png", "notes.txt"} { // before the base seed, misspelt, a person's
		if err := os.WriteFile(filepath.Join(samples, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(samples, "000014.png"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got := s.Len(); got != 3 {
		t.Errorf("%d samples by name, want 3", got)
	}
	if got := s.Seeds(); !slices.Equal(got, []uint64{10, 12}) {
		t.Errorf("samples %v, want 10 and 12", got)
	}
	for seed, want := range map[uint64]bool{9: false, 10: true, 11: false, 12: true, 13: false, 14: false} {
		if s.Has(seed) != want {
			t.Errorf("sample %d: %v, want %v", seed, !want, want)
		}
	}
}
