package ntire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/metrics/ntire"
	"github.com/trustsr/trustsr/srspace/picture"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// squares is a spatial distance simple enough to work out by hand.
func squares(image, ref *picture.Image) (*metrics.Map, error) {
	return metrics.PSNRMetric{}.Map(image, ref)
}

// picture returns a picture whose pixels have these greys, 0 to 255, the last
// for all that remain.
func greyPicture(width, height int, greys ...int) *picture.Image {
	m := picture.NewImage(width, height)
	for i := range m.Pix {
		m.Pix[i] = float32(greys[min(i/3, len(greys)-1)]) / 255
	}
	return m
}

// Squared errors 4 0 | 0 16: means 2 and 8; the better of each pixel is 0 0.
func TestDiversity(t *testing.T) {
	hr := greyPicture(2, 1, 0)
	samples := []*picture.Image{greyPicture(2, 1, 2, 0), greyPicture(2, 1, 0, 4)}
	got, err := ntire.MeasureDiversity(samples, hr, squares)
	if err != nil {
		t.Fatal(err)
	}
	if want := (ntire.Diversity{GlobalBest: 2, LocalBest: 0, Score: 100, Mean: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// 4 9 | 1 16 : means 6.5 and 8.5, pixel-wise 1 and 9, mean 5.
	samples = []*picture.Image{greyPicture(2, 1, 2, 3), greyPicture(2, 1, 1, 4)}
	if got, err = ntire.MeasureDiversity(samples, hr, squares); err != nil {
		t.Fatal(err)
	}
	near(t, "score", got.Score, 1.5/6.5*100, 1e-12)
	// One sample, or one that is right: no diversity.
	for _, samples := range [][]*picture.Image{samples[:1], {samples[0], hr}} {
		if got, err := ntire.MeasureDiversity(samples, hr, squares); err != nil || got.Score != 0 {
			t.Errorf("got %+v, %v, want a score of 0", got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	hr := picture.NewImage(16, 16)
	for what, c := range map[string]struct {
		samples []*picture.Image
		hr      *picture.Image
		scale   int
		want    error
	}{
		"no samples":    {nil, hr, 4, ntire.ErrNoSamples},
		"another size":  {[]*picture.Image{hr, picture.NewImage(16, 17)}, hr, 4, metrics.ErrSize},
		"below 8":       {[]*picture.Image{picture.NewImage(7, 16)}, picture.NewImage(7, 16), 4, metrics.ErrTooSmall},
		"scale of zero": {[]*picture.Image{hr}, hr, 0, metrics.ErrSize},
	} {
		if _, err := ntire.Measure(c.samples, c.hr, c.scale, squares); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	if _, err := ntire.MeasureDiversity(nil, hr, squares); !errors.Is(err, ntire.ErrNoSamples) {
		t.Errorf("got %v", err)
	}
	sizes := 0
	grows := func(image, ref *picture.Image) (*metrics.Map, error) {
		sizes++
		return metrics.NewMap(sizes, 1), nil
	}
	if _, err := ntire.MeasureDiversity([]*picture.Image{hr, hr}, hr, grows); !errors.Is(err, metrics.ErrSize) {
		t.Errorf("maps of two sizes: got %v", err)
	}
}

// Values of measure.py on pictures of 28×28 to 260×300 pixels, from golden's metrics/pixel.csv.
func TestConsistencyGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	byRef := map[string][]float64{}
	samples := map[string][]*picture.Image{}
	for _, r := range golden.Table(t, "metrics", "pixel.csv") {
		want, err := strconv.ParseFloat(r["lr_ntire_crop8"], 64)
		if err != nil || math.IsInf(want, 1) { // none, or a picture with itself
			continue
		}
		byRef[r["ref"]] = append(byRef[r["ref"]], want)
		samples[r["ref"]] = append(samples[r["ref"]], read(t, dir, r["dist"]))
	}
	for ref, wants := range byRef {
		got, err := ntire.Measure(samples[ref], read(t, dir, ref), 4, squares)
		if err != nil {
			t.Fatal(err)
		}
		worst, sum := math.Inf(1), 0.0
		for _, w := range wants {
			worst, sum = min(worst, w), sum+w
		}
		near(t, ref+" worst", got.LRPSNR.Worst, worst, 1e-9)
		near(t, ref+" mean", got.LRPSNR.Mean, sum/float64(len(wants)), 1e-9)
	}
	if len(byRef) != 6 {
		t.Errorf("%d pictures, want 6", len(byRef))
	}
}

func read(t *testing.T, dir, name string) *picture.Image {
	t.Helper()
	m, err := picture.ReadFile(filepath.Join(dir, "img", name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Five samples of one picture with real AlexNet weights. LPIPS rounds four
// convolutions to float16, hence the tolerance.
func TestDiversityGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	lpips, err := metrics.Find("lpips/alex/0.1")
	if err != nil {
		t.Fatal(err)
	}
	mapper, ok := lpips.(metrics.Mapper)
	if !ok {
		t.Skip("LPIPS has no map")
	}
	b, err := os.ReadFile(filepath.Join(dir, "nn_realalex.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Want struct {
			Global float64 `json:"global_best"`
			Local  float64 `json:"local_best"`
			Score  float64 `json:"score"`
		} `json:"ntire_diversity_alex"`
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	var samples []*picture.Image
	for i := range 5 {
		samples = append(samples, read(t, dir, fmt.Sprintf("a_s%d", i)))
	}
	got, err := ntire.Measure(samples, read(t, dir, "a_ref"), 4, mapper.Map)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "global", got.GlobalBest, golden.Want.Global, 3e-5)
	near(t, "local", got.LocalBest, golden.Want.Local, 3e-5)
	near(t, "score", got.Score, golden.Want.Score, 5e-3)
}
