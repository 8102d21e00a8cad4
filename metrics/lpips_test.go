package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/picture"
)

// halfTolerance is what rounding the weights to float16 may cost.
const halfTolerance = 3e-5

func lpipsScore(t testing.TB, m *LPIPS, image, hr *picture.Image) float64 {
	t.Helper()
	got, err := m.Score(image, hr)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func embedded(t testing.TB) *LPIPS {
	t.Helper()
	m, err := LPIPSAlex()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Wants from the authors' code (richzhang/PerceptualSimilarity 082bb24) in
// float64.
func TestLPIPSTestdata(t *testing.T) {
	m := embedded(t)
	ref := read(t, "testdata", "c_ref.png")
	near(t, "noise", lpipsScore(t, m, read(t, "testdata", "c_noise.png"), ref), 0.21833805236124915, halfTolerance)
	near(t, "up", lpipsScore(t, m, read(t, "testdata", "c_up.png"), ref), 0.11236928957429321, halfTolerance)
	near(t, "equal", lpipsScore(t, m, ref, ref), 0, 0)

	layers, err := m.Layers(read(t, "testdata", "c_up.png"), ref)
	if err != nil || len(layers) != 5 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	near(t, "sum of the layers", 5*mean(layers), 0.11236928957429321, halfTolerance)
	if _, err := m.Layers(picture.NewImage(64, 63), ref); !errors.Is(err, ErrSize) {
		t.Errorf("layers of another size: %v", err)
	}
}

// publishedLPIPS is what the authors' code computes with the published
// AlexNet.
type publishedLPIPS struct {
	Alex []struct {
		Ref, Dist string
		F64       float64
		Layers    []float64 `json:"layers_f64"`
	} `json:"lpips_alex"`
	Taps []goldenTap `json:"lpips_alex_taps_a_ref"`
}

func readPublishedLPIPS(t *testing.T) publishedLPIPS {
	t.Helper()
	var p publishedLPIPS
	readJSON(t, golden.Path(t, "metrics", "nn_realalex.json"), &p)
	if len(p.Alex) != 17 || len(p.Taps) != 5 {
		t.Fatalf("%d pairs and %d layers, want 17 and 5", len(p.Alex), len(p.Taps))
	}
	return p
}

// The embedded weights meet the authors' numbers within halfTolerance.
func TestLPIPSGolden(t *testing.T) {
	dir := golden.Path(t, "metrics", "img")
	m := embedded(t)
	worst := 0.0
	for _, c := range readPublishedLPIPS(t).Alex {
		got := lpipsScore(t, m, read(t, dir, c.Dist+".png"), read(t, dir, c.Ref+".png"))
		near(t, c.Dist, got, c.F64, halfTolerance)
		worst = max(worst, math.Abs(got-c.F64))
	}
	t.Logf("largest difference %.2g", worst)
}

// The float32 weights meet the authors' numbers within 1e-6 + 1e-5·value,
// layer by layer.
func TestLPIPSGoldenFullPrecision(t *testing.T) {
	full := fullPrecision(t)
	dir := golden.Path(t, "metrics")
	fullLPIPS := &LPIPS{net: &lpipsNet{name: "alex", minSide: 31, loaded: onDemand[*loadedLPIPS]{ready: true, value: full}}, enlarge: 1}
	golden := readPublishedLPIPS(t)
	maps, err := full.features(lpipsInput(read(t, dir, "img", "a_ref.png"), 1))
	if err != nil {
		t.Fatal(err)
	}
	checkTaps(t, "alex", maps, golden.Taps)

	worst := 0.0
	for _, c := range golden.Alex {
		ref, dist := read(t, dir, "img", c.Ref+".png"), read(t, dir, "img", c.Dist+".png")
		fr, err := full.features(lpipsInput(ref, 1))
		if err != nil {
			t.Fatal(err)
		}
		fd, err := full.features(lpipsInput(dist, 1))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Layers {
			near(t, fmt.Sprintf("%s layer %d", c.Dist, i), mean(distances(fd[i], fr[i], full.lin[i])), want, 1e-6+1e-5*want)
		}
		got := lpipsScore(t, fullLPIPS, dist, ref)
		near(t, c.Dist, got, c.F64, 1e-6+1e-5*c.F64)
		worst = max(worst, math.Abs(got-c.F64))
	}
	t.Logf("%d pairs: largest difference %.2g", len(golden.Alex), worst)
}

// fullPrecision is LPIPS with the float32 weights.
func fullPrecision(t *testing.T) *loadedLPIPS {
	t.Helper()
	dir := shared.Path(t, "data", "lpips")
	dict, _, err := weights.ReadSafetensors(filepath.Join(dir, "alexnet_features.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	lin, _, err := weights.ReadSafetensors(filepath.Join(dir, "lpips_lin_v0.1.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range lin {
		dict[strings.TrimPrefix(name, "alex.")] = v
	}
	m, err := newLPIPSAlex(dict, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Values of LPIPS that pyiqa publishes for pairs of TID2013
// in its ResultsCalibra.
func TestLPIPSPublished(t *testing.T) {
	dir := shared.Path(t, "data", "pyiqa_calib")
	m := embedded(t)
	for name, want := range map[string]string{"I03": "0.7237", "I06": "0.05079", "I19": "0.4253"} {
		got := lpipsScore(t, m, read(t, dir, "dist", name+".bmp"), read(t, dir, "ref", name+".bmp"))
		t.Logf("%s: %.6f", name, got)
		if s := fmt.Sprintf("%.4g", got); s != want {
			t.Errorf("%s: got %s, published %s", name, s, want)
		}
	}
}

func TestLPIPSEnlarged(t *testing.T) {
	m, err := embedded(t).Enlarged(3)
	if err != nil {
		t.Fatal(err)
	}
	ref, up := read(t, "testdata", "e_ref.png"), read(t, "testdata", "e_up.png")
	got := lpipsScore(t, m, up, ref)
	near(t, "enlarged inside and outside", got, lpipsScore(t, embedded(t), threefold(up), threefold(ref)), 0)
	if !(got > 0.01 && got < 1) {
		t.Errorf("bicubic digit against HR: %v", got)
	}
}

// threefold repeats each pixel 3×3 times.
func threefold(m *picture.Image) *picture.Image {
	out := picture.NewImage(3*m.Width, 3*m.Height)
	for i := range out.Pix {
		x, y := i/3%out.Width/3, i/3/out.Width/3
		out.Pix[i] = m.Pix[3*(y*m.Width+x)+i%3]
	}
	return out
}

func TestLPIPSErrors(t *testing.T) {
	m := embedded(t)
	small := picture.NewImage(40, 30)
	_, err := m.Score(small, small)
	if !errors.Is(err, ErrTooSmall) || !strings.Contains(hint.Of(err), "nearest×3") {
		t.Errorf("30 pixels: got error %v, hint %q", err, hint.Of(err))
	}
	least := picture.NewImage(31, 31)
	near(t, "31 pixels", lpipsScore(t, m, least, least), 0, 0)
	if _, err := m.Score(small, least); !errors.Is(err, ErrSize) {
		t.Errorf("different sizes: got error %v", err)
	}
	wrong := generated("alexnet", alexNetShapes())
	wrong["features.0.weight"] = weights.NewTensor(64, 3, 3, 3)
	if _, err := newLPIPSAlex(wrong, ""); err == nil || !strings.Contains(err.Error(), "[64 3 11 11]") {
		t.Errorf("wrong weights: got error %v", err)
	}
}

// 324 samples of a 28×28 digit enlarged to 84×84: the SR space of the
// paper's study.
func BenchmarkLPIPSDigits324(b *testing.B) {
	m, err := embedded(b).Enlarged(3)
	if err != nil {
		b.Fatal(err)
	}
	ref := read(b, "testdata", "e_ref.png")
	images := make([]*picture.Image, 324)
	for i := range images {
		images[i] = read(b, "testdata", "e_up.png")
		images[i].Pix[i] = 1
	}
	for b.Loop() {
		if _, err := ScoreAll(context.Background(), m, images, ref); err != nil {
			b.Fatal(err)
		}
	}
}
