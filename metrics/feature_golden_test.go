package metrics

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
)

// goldenTap describes a feature map: First are the first channels at the
// first position.
type goldenTap struct {
	Shape          []int
	Mean, Std, Max float64
	First          []float64 `json:"first8"`
}

func checkTaps(t *testing.T, what string, maps []featureMap, taps []goldenTap) {
	t.Helper()
	if len(maps) != len(taps) {
		t.Fatalf("%s: %d maps, want %d", what, len(maps), len(taps))
	}
	for i, f := range maps {
		want := taps[i]
		name := fmt.Sprintf("%s, map %d", what, i)
		if got := fmt.Sprint([]int{1, f.channels, f.height, f.width}); got != fmt.Sprint(want.Shape) {
			t.Errorf("%s: shape %s, want %v", name, got, want.Shape)
		}
		sum, squares, top := 0.0, 0.0, 0.0
		for _, v := range f.data {
			sum += float64(v)
			squares += float64(v) * float64(v)
			top = max(top, float64(v))
		}
		n := float64(len(f.data))
		near(t, name+" mean", sum/n, want.Mean, 1e-5*want.Mean)
		// torch's std is of a sample.
		near(t, name+" std", math.Sqrt((squares-sum*sum/n)/(n-1)), want.Std, 1e-5*want.Std)
		near(t, name+" max", top, want.Max, 1e-5*want.Max)
		for c, v := range want.First {
			near(t, fmt.Sprintf("%s, channel %d", name, c), float64(f.data[c]), v, 1e-5*want.Max)
		}
	}
}

func onlyQuick(t *testing.T, pixels int) {
	t.Helper()
	if !quick(pixels) {
		t.Skip("takes a minute without vector code; TRUSTSR_LONG is not set")
	}
}

// The feature maps of LPIPS-VGG and DISTS on the generated backbone are those
// of the authors' code.
func TestTapsGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	var golden struct {
		VGG   []goldenTap `json:"lpips_vgg_taps_a_ref"`
		Alex  []goldenTap `json:"lpips_alex_taps_a_ref"`
		DISTS []goldenTap `json:"dists_taps_a_ref"`
	}
	readJSON(t, filepath.Join(dir, "nn_hash.json"), &golden)
	image := read(t, dir, "img", "a_ref.png")
	onlyQuick(t, image.Width*image.Height)
	for key, taps := range map[string][]goldenTap{"lpips_vgg": golden.VGG, "lpips_alex": golden.Alex} {
		maps, err := loadGenerated(t, key).features(lpipsInput(image, 1))
		if err != nil {
			t.Fatal(err)
		}
		checkTaps(t, key, maps, taps)
	}
	net, err := generatedVGG16()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newDISTS(net)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := l.stages(image, NoResize)
	if err != nil {
		t.Fatal(err)
	}
	checkTaps(t, "dists", stages, golden.DISTS)
}

// batch returns the pictures of a golden tensor [2, 3, height, width] in
// [0,1].
func batch(t *testing.T, path ...string) []featureMap {
	t.Helper()
	a, err := npy.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	values := a.Float32()
	if len(a.Shape) != 4 || a.Shape[1] != 3 || len(values) == 0 {
		t.Fatalf("%v: shape %v", path, a.Shape)
	}
	h, w := a.Shape[2], a.Shape[3]
	var pictures []featureMap
	for n := range a.Shape[0] {
		x := newFeatureMap(h, w, 3)
		for i := range x.data {
			x.data[i] = values[(3*n+i%3)*h*w+i/3]
		}
		pictures = append(pictures, x)
	}
	return pictures
}

// Pictures of floats that are no 8-bit values, two to a batch there and one by
// one here.
func TestBatchGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	onlyQuick(t, 70*75)
	type record struct{ F64 []float64 }
	var hash struct {
		Alex  record `json:"lpips_alex_batch"`
		VGG   record `json:"lpips_vgg_batch"`
		DISTS record `json:"dists_batch"`
	}
	readJSON(t, filepath.Join(dir, "nn_hash.json"), &hash)
	compareBatch(t, "alex", loadGenerated(t, "lpips_alex"), hash.Alex.F64)
	compareBatch(t, "vgg", loadGenerated(t, "lpips_vgg"), hash.VGG.F64)
	net, err := generatedVGG16()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newDISTS(net)
	if err != nil {
		t.Fatal(err)
	}
	x, y := batch(t, dir, "hash", "batch_x.npy"), batch(t, dir, "hash", "batch_y.npy")
	for i, want := range hash.DISTS.F64 {
		a, err := l.stagesOf(x[i])
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.stagesOf(y[i])
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("dists, picture %d", i), l.distanceTo(b)(a), want, 2e-6)
	}
}

// The same with the published AlexNet.
func TestBatchGoldenPublished(t *testing.T) {
	var published struct {
		Alex struct{ F64 []float64 } `json:"lpips_alex_batch"`
	}
	readJSON(t, golden.Path(t, "metrics", "nn_realalex.json"), &published)
	compareBatch(t, "published alex", fullPrecision(t), published.Alex.F64)
}

// compareBatch compares LPIPS of the pairs of golden's batch with wants.
func compareBatch(t *testing.T, what string, m *loadedLPIPS, wants []float64) {
	t.Helper()
	dir := golden.Path(t, "metrics")
	x, y := batch(t, dir, "hash", "batch_x.npy"), batch(t, dir, "hash", "batch_y.npy")
	if len(wants) != len(x) {
		t.Fatalf("%s: %d scores of %d pictures", what, len(wants), len(x))
	}
	for i, want := range wants {
		a, err := m.features(lpipsScaled(x[i]))
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.features(lpipsScaled(y[i]))
		if err != nil {
			t.Fatal(err)
		}
		got := 0.0
		for k := range a {
			got += mean(distances(a[k], b[k], m.lin[k]))
		}
		near(t, fmt.Sprintf("%s, picture %d", what, i), got, want, 1e-6+1e-5*want)
	}
}

// The best sample, and the best of each pixel, of five by LPIPS's maps.
func TestDiversityGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	type record struct {
		Global float64 `json:"global_best"`
		Local  float64 `json:"local_best"`
	}
	var golden struct {
		Alex record `json:"ntire_diversity_alex"`
		VGG  record `json:"ntire_diversity_vgg"`
	}
	readJSON(t, filepath.Join(dir, "nn_hash.json"), &golden)
	ref := read(t, dir, "img", "a_ref.png")
	onlyQuick(t, ref.Width*ref.Height)
	for key, want := range map[string]record{"lpips_alex": golden.Alex, "lpips_vgg": golden.VGG} {
		m := &LPIPS{net: &lpipsNet{name: key, minSide: 16, loaded: onDemand[*loadedLPIPS]{ready: true, value: loadGenerated(t, key)}}, enlarge: 1}
		var best []float64
		global := math.Inf(1)
		for i := range 5 {
			d, err := m.Map(read(t, dir, "img", fmt.Sprintf("a_s%d.png", i)), ref)
			if err != nil {
				t.Fatal(err)
			}
			global = min(global, d.Mean())
			if best == nil {
				best = d.Values
			}
			for p, v := range d.Values {
				best[p] = min(best[p], v)
			}
		}
		near(t, key+" global", global, want.Global, 1e-6+1e-5*want.Global)
		near(t, key+" local", mean(best), want.Local, 1e-6+1e-5*want.Local)
	}
}

// The authors' command sees these pixels of a picture above 256.
func TestDISTSResizedGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	want := read(t, dir, "hash", "dists_resized_d_ref.png")
	x, err := distsInput(read(t, dir, "img", "d_ref.png"), Pillow256)
	if err != nil {
		t.Fatal(err)
	}
	if x.width != want.Width || x.height != want.Height || min(x.width, x.height) != resizeSide {
		t.Fatalf("%d×%d, want %d×%d", x.width, x.height, want.Width, want.Height)
	}
	for i, v := range want.Bytes() {
		if got := math.Round(float64(x.data[i]) * 255); got != float64(v) {
			t.Fatalf("value %d is %v, want %d", i, got, v)
		}
	}
}
