package nrqm

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/srspace/picture"
)

type goldenImage struct {
	Img        string
	F1, F2, F3 []float64
	Forest     []float64 `json:"forest_pred"`
	Score      float64   `json:"score_toy_model"`
	Pind       [][2]int
}

// goldens are features from the authors' MATLAB code run in Octave.
func goldens(t testing.TB) []goldenImage {
	t.Helper()
	data, err := os.ReadFile(golden.Path(t, "metrics", "nrqm", "features.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Images    []goldenImage
		LinearToy []float64 `json:"linear_toy"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Images) == 0 {
		t.Fatal("no golden images")
	}
	return file.Images
}

func goldenPicture(t testing.TB, name string) *picture.Image {
	t.Helper()
	img, err := picture.ReadFile(filepath.Join(golden.Path(t, "metrics", "img"), name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The shapes γ lie on a grid of 0.001: where the ratio is midway between two
// its rounding decides, so those of GSM may be one step off. They are not on
// these images.
func TestComputeGolden(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.Img, func(t *testing.T) {
			f, err := Compute(goldenPicture(t, g.Img))
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []struct {
				name      string
				got, want []float64
				tolerance float64 // relative
			}{
				{"DCT", f.DCT[:], g.F1, 1e-6}, // rounding shows in nearly flat blocks
				{"GSM shape", f.GSM[:18], g.F2[:18], 1e-9},
				{"GSM structure", f.GSM[18:], g.F2[18:], 1e-9},
				{"PCA", f.PCA[:], g.F3, 1e-9},
			} {
				if len(part.got) != len(part.want) {
					t.Fatalf("%s: %d features, want %d", part.name, len(part.got), len(part.want))
				}
				worst := 0.0
				for i, want := range part.want {
					d := math.Abs(part.got[i]-want) / math.Abs(want)
					worst = max(worst, d)
					if !(d <= part.tolerance) {
						t.Errorf("%s %d: got %v, want %v", part.name, i, part.got[i], want)
					}
				}
				t.Logf("%s: largest relative difference %.2g", part.name, worst)
			}
		})
	}
}

func TestGrayscaleGolden(t *testing.T) {
	dir := golden.Path(t, "metrics", "nrqm")
	want, err := npy.ReadFile(filepath.Join(dir, "gray_f_ref.npy"))
	if err != nil {
		t.Fatal(err)
	}
	got := grayscale(goldenPicture(t, "f_ref"))
	if got.h != want.Shape[0] || got.w != want.Shape[1] {
		t.Fatalf("%d×%d, want %v", got.h, got.w, want.Shape)
	}
	for i, w := range want.Float64() {
		if got.v[i] != w {
			t.Fatalf("pixel %d: got %v, want %v", i, got.v[i], w)
		}
	}
}

// The golden vectors are float32, column by column.
func TestSteerableGolden(t *testing.T) {
	dir := golden.Path(t, "metrics", "nrqm")
	read := func(name string) []float64 {
		a, err := npy.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return a.Float64()
	}
	pyr := steerable(grayscale(goldenPicture(t, "f_ref")))
	near := func(name string, i int, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-6*(1+math.Abs(want))) {
			t.Errorf("%s value %d: got %v, want %v", name, i, got, want)
		}
	}
	// every eighth value of the bands, one after the other; the low-pass band
	// that ends the golden vector is not compared
	const stride = 8
	want, at := read("pyr_f_ref_every8.npy"), 0
	compare := func(name string, b band) {
		t.Helper()
		for i := range b.v {
			if at%stride == 0 {
				near(name, i, b.v[i%b.h*b.w+i/b.h], want[at/stride])
			}
			at++
		}
	}
	compare("high-pass", pyr.high)
	for s, level := range pyr.bands {
		for o, b := range level {
			compare(fmt.Sprintf("scale %d orientation %d", s, o), b)
		}
	}
	for _, sub := range []struct {
		name               string
		scale, orientation int
	}{{"sb1", 0, 0}, {"sb7", 1, 0}, {"sb12", 1, 5}} {
		got, err := pyr.normalize(sub.scale, sub.orientation)
		if err != nil {
			t.Fatal(err)
		}
		want := read(sub.name + "_f_ref.npy")
		if len(want) != len(got.v) {
			t.Fatalf("%s: %d values, want %d", sub.name, len(got.v), len(want))
		}
		for i, w := range want {
			near(sub.name, i, got.v[i%got.h*got.w+i/got.h], w)
		}
	}
}
