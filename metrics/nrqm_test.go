package metrics

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics/nrqm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Want from the authors' code run in Octave, forests of toy size trained with
// it.
func TestNRQMGolden(t *testing.T) {
	path := golden.Path(t, "metrics", "nrqm", "toy_forests.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image, err := picture.ReadFile(golden.Path(t, "metrics", "img", "b_up.png"))
	if err != nil {
		t.Fatal(err)
	}
	want := goldenNRQM(t, "b_up")
	dir := t.TempDir()
	t.Setenv("TRUSTSR_WEIGHTS", dir)
	m := newNRQM(func() (string, error) { return weightstore.Path("nrqm") })
	if _, err := m.Score(image, nil); !errors.Is(err, ErrNoWeights) {
		t.Errorf("without weights: %v", err)
	}
	if w := m.Info().Weights; w != "" {
		t.Errorf("without weights the passport has %q", w)
	}
	// They may come while the program runs.
	if err := os.WriteFile(filepath.Join(dir, "nrqm.safetensors"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*NRQM{"installed": m, "from file": NRQMFromFile(path)} {
		got, err := m.Score(image, nil)
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, got, want, 1e-9)
		if w := m.Info().Weights; len(w) != 64 {
			t.Errorf("%s: passport's weights %q", name, w)
		}
	}
}

func TestNRQMErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.safetensors")
	if err := os.WriteFile(broken, []byte("no safetensors"), 0o600); err != nil {
		t.Fatal(err)
	}
	small := read(t, "testdata", "c_ref.png") // 64×64
	for name, c := range map[string]struct {
		path  string
		image *picture.Image
		want  error
		kind  bool // a WeightsError
	}{
		"too small":  {broken, small, ErrTooSmall, false},
		"too large":  {broken, &picture.Image{Width: 1 << 20, Height: 1 << 20}, nrqm.ErrTooLarge, false},
		"no weights": {filepath.Join(dir, "none"), picture.NewImage(84, 84), ErrNoWeights, true},
		"no model":   {broken, picture.NewImage(84, 84), nrqm.ErrModel, true},
	} {
		t.Run(name, func(t *testing.T) {
			score, err := NRQMFromFile(c.path).Score(c.image, nil)
			if !errors.Is(err, c.want) || score != 0 {
				t.Errorf("got %v, %v, want %v", score, err, c.want)
			}
			var weights *WeightsError
			if errors.As(err, &weights) != c.kind || c.kind && weights.Weights != "nrqm" {
				t.Errorf("%v is about weights %v", err, weights)
			}
		})
	}
}

func goldenNRQM(t *testing.T, name string) float64 {
	t.Helper()
	data, err := os.ReadFile(golden.Path(t, "metrics", "nrqm", "features.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Images []struct {
			Img   string
			Score float64 `json:"score_toy_model"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Images {
		if g.Img == name {
			return g.Score
		}
	}
	t.Fatalf("no golden score of %s", name)
	return 0
}
