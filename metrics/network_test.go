package metrics

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/srspace/picture"
)

// generated makes the tensors of a network by the goldens' recipe: splitmix64
// seeded with base XOR FNV-1a of the tensor's name, uniform in ±√(6/fan-in).
func generated(net string, shapes map[string][]int) weights.Dict {
	const base = 20260101
	dict := weights.Dict{}
	for name, shape := range shapes {
		t := weights.NewTensor(shape...)
		dict[name] = t
		if strings.HasPrefix(name, "ref_score_subtract.") {
			t.Data[0] = map[string]float32{"weight": 1.5, "bias": -0.25}[strings.TrimPrefix(name, "ref_score_subtract.")]
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(net + "." + name))
		state := uint64(base) ^ h.Sum64()
		bound := 0.1
		switch {
		case len(shape) > 1:
			fan := 1
			for _, d := range shape[1:] {
				fan *= d
			}
			bound = math.Sqrt(6 / float64(fan))
		case strings.HasPrefix(name, "conv"):
			bound = 1
		}
		for i := range t.Data {
			state += 0x9E3779B97F4A7C15
			z := state
			z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			z ^= z >> 31
			u := float64(z>>40)/(1<<23) - 1
			if name == "fc2_weight.weight" {
				u = math.Abs(u)
			}
			t.Data[i] = float32(u * bound)
		}
	}
	return dict
}

var generatedVGG16 = sync.OnceValues(func() (*network, error) {
	return newNetwork(generated("vgg16", weightstore.VGG16Shapes()), weightstore.VGG16Shapes(), "generated")
})

func TestGeneratedWeights(t *testing.T) {
	var sums map[string]json.RawMessage
	readJSON(t, golden.Path(t, "metrics", "hash_weights.json"), &sums)
	for net, shapes := range map[string]map[string][]int{"vgg16": weightstore.VGG16Shapes(), "alexnet": alexNetShapes(), "pieapp": pieAPPShapes()} {
		if net == "pieapp" && os.Getenv("TRUSTSR_LONG") == "" {
			continue // 68 million numbers
		}
		var tensors map[string]struct {
			SHA256 string `json:"sha256_f32le"`
		}
		if err := json.Unmarshal(sums[net], &tensors); err != nil {
			t.Fatal(err)
		}
		for name, tensor := range generated(net, shapes) {
			h := sha256.New()
			binary.Write(h, binary.LittleEndian, tensor.Data)
			if want := tensors[name].SHA256; want != "" && hex.EncodeToString(h.Sum(nil)) != want {
				t.Errorf("%s.%s differs from the recipe's", net, name)
			}
		}
	}
}

// quick reports whether a picture is scored in seconds here: pure Go without
// vector code is ten times slower.
func quick(pixels int) bool {
	b, err := metricsBackend()
	return err == nil && (!strings.HasPrefix(b.Name(), "Go") || backend.SIMD() || os.Getenv("TRUSTSR_LONG") != "" || pixels <= 64*64)
}

type goldenPair struct {
	Ref, Dist  string
	F64        float64
	Layers     []float64 `json:"layers_f64"`
	Mean       *float64  `json:"spatial_mean_f64"`
	Pillow     *float64  `json:"resized256_f64"`
	PIQ        *float64  `json:"piq_style_bilinear256_f32"`
	Stride     int
	Positions  [][2]int  `json:"positions_yx"`
	Errors     []float64 `json:"errors_f64"`
	Weights    []float64 `json:"weights_f64"`
	ref, image *picture.Image
}

// goldenPairs reads the pairs of a metric with generated backbone, and skips
// what takes long here.
func goldenPairs(t *testing.T, key string) []goldenPair {
	t.Helper()
	dir := golden.Path(t, "metrics")
	var golden map[string]json.RawMessage
	readJSON(t, filepath.Join(dir, "nn_hash.json"), &golden)
	var all, pairs []goldenPair
	if err := json.Unmarshal(golden[key], &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		p.ref, p.image = read(t, dir, "img", p.Ref+".png"), read(t, dir, "img", p.Dist+".png")
		if quick(p.ref.Width * p.ref.Height) {
			pairs = append(pairs, p)
		}
	}
	if len(pairs) == 0 {
		t.Fatal("no pairs")
	}
	t.Logf("%d of %d pairs", len(pairs), len(all))
	return pairs
}

// generatedLPIPS are LPIPS's published linear layers on generated backbones,
// by the names of the goldens.
var generatedLPIPS = map[string]func() (*loadedLPIPS, error){
	"lpips_vgg": func() (*loadedLPIPS, error) {
		net, err := generatedVGG16()
		if err != nil {
			return nil, err
		}
		return newLPIPSVGG(net)
	},
	"lpips_alex": func() (*loadedLPIPS, error) {
		dict, _, err := publishedDict("alex_float32")
		if err != nil {
			return nil, err
		}
		for name, tensor := range generated("alexnet", alexNetShapes()) {
			dict[name] = tensor
		}
		return newLPIPSAlex(dict, "generated")
	},
}

func loadGenerated(t *testing.T, key string) *loadedLPIPS {
	t.Helper()
	loaded, err := generatedLPIPS[key]()
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// Scores, layers and maps within 1e-6 + 1e-5·value of the authors' code in
// float64 on generated backbones.
func TestLPIPSGeneratedGolden(t *testing.T) {
	for key := range generatedLPIPS {
		loaded := loadGenerated(t, key)
		m := &LPIPS{net: &lpipsNet{name: key, minSide: 16, loaded: onDemand[*loadedLPIPS]{ready: true, value: loaded}}, enlarge: 1}
		for _, p := range goldenPairs(t, key) {
			near(t, p.Dist, lpipsScore(t, m, p.image, p.ref), p.F64, 1e-6+1e-5*p.F64)
			layers, err := m.Layers(p.image, p.ref)
			if err != nil || len(layers) != len(p.Layers) {
				t.Fatalf("%d layers, %v, want %d", len(layers), err, len(p.Layers))
			}
			for i, v := range layers {
				near(t, p.Dist+" layer", v, p.Layers[i], 1e-6+1e-5*p.Layers[i])
			}
			if p.Mean == nil {
				continue
			}
			spatial, err := m.Map(p.image, p.ref)
			if err != nil {
				t.Fatal(err)
			}
			near(t, p.Dist+" map", spatial.Mean(), *p.Mean, 1e-6+1e-5**p.Mean)
			path := filepath.Join(golden.Path(t, "metrics", "hash"), key+"_spatial_"+p.Dist+".npy")
			if _, err := os.Stat(path); err != nil {
				continue
			}
			want := readNPY(t, path)
			for i, v := range spatial.Values {
				if math.Abs(v-want[i]) > 1e-5+1e-4*math.Abs(want[i]) { // of float32
					t.Fatalf("%s %s: map at %d is %g, want %g", key, p.Dist, i, v, want[i])
				}
			}
		}
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func readNPY(t *testing.T, path string) []float64 {
	t.Helper()
	a, err := npy.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if values := a.Float64(); values != nil {
		return values
	}
	var values []float64
	for _, v := range a.Float32() {
		values = append(values, float64(v))
	}
	return values
}

// DISTS within 2e-6 of the authors' code in float64, its channels' structure
// and texture too.
func TestDISTSGolden(t *testing.T) {
	net, err := generatedVGG16()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newDISTS(net)
	if err != nil {
		t.Fatal(err)
	}
	score := func(p goldenPair, r Resize) float64 {
		t.Helper()
		f, err := l.prepare(p.ref, r)
		if err != nil {
			t.Fatal(err)
		}
		d, err := f(p.image)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, p := range goldenPairs(t, "dists") {
		near(t, p.Dist, score(p, NoResize), p.F64, 2e-6)
		if p.Pillow != nil {
			near(t, p.Dist+" pillow256", score(p, Pillow256), *p.Pillow, 2e-6)
			near(t, p.Dist+" torch256", score(p, Torch256), *p.PIQ, 4e-6) // theirs is float32
		}
		path := func(name string) string {
			return filepath.Join(golden.Path(t, "metrics", "hash"), "dists_"+name+"_"+p.Dist+".npy")
		}
		if _, err := os.Stat(path("S1")); err != nil {
			continue
		}
		a, err := l.stages(p.image, NoResize)
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.stages(p.ref, NoResize)
		if err != nil {
			t.Fatal(err)
		}
		var structure, texture []float64
		for i := range a {
			s1, s2 := similarities(a[i], b[i], momentsOf(a[i]), momentsOf(b[i]))
			structure, texture = append(structure, s1...), append(texture, s2...)
		}
		for name, got := range map[string][]float64{"S1": structure, "S2": texture} {
			want := readNPY(t, path(name))
			for i, v := range got {
				if math.Abs(v-want[i]) > 2e-4 { // a channel of small values amplifies float32's rounding
					t.Errorf("%s of %s, channel %d: %g, want %g", name, p.Dist, i, v, want[i])
				}
			}
		}
	}
}

// PieAPP within 1e-4·value + 1e-5 of the authors' network in float64, patch
// by patch.
func TestPieAPPGolden(t *testing.T) {
	pairs := goldenPairs(t, "pieapp")
	net, err := newNetwork(generated("pieapp", pieAPPShapes()), pieAPPShapes(), "generated")
	if err != nil {
		t.Fatal(err)
	}
	l := newPieAPP(net)
	for _, p := range pairs {
		if patches := (p.ref.Width - 37) / p.Stride * (p.ref.Height - 37) / p.Stride; patches > 20 && os.Getenv("TRUSTSR_LONG") == "" {
			continue
		}
		began := time.Now()
		score, err := l.prepare(p.ref, PieAPPMetric{Stride: p.Stride}.corners(p.ref.Width, p.ref.Height))
		if err != nil {
			t.Fatal(err)
		}
		errors, weights, err := score(p.image)
		if err != nil {
			t.Fatal(err)
		}
		sum, total := 0.0, 0.0
		for i, w := range weights {
			sum, total = sum+w*errors[i], total+w
		}
		near(t, p.Dist, sum/total, p.F64, 1e-4*math.Abs(p.F64)+1e-5)
		t.Logf("%s stride %d: %d patches, %v", p.Dist, p.Stride, len(weights), time.Since(began))
		columns := (p.ref.Width-patchSide)/p.Stride + 1
		for j, want := range p.Errors {
			i := p.Positions[j][0]/p.Stride*columns + p.Positions[j][1]/p.Stride
			near(t, p.Dist+" error", errors[i], want, 1e-4*math.Abs(want)+1e-5)
			near(t, p.Dist+" weight", weights[i], p.Weights[j], 1e-4*math.Abs(p.Weights[j])+1e-4)
		}
	}
}

// The grid leaves a rest out; with Border it does not. The counts without are
// those of the reference: 9 and 121 of 128×128.
func TestPieAPPPatches(t *testing.T) {
	for _, c := range []struct {
		id            string
		width, height int
		patches       int
		last          [2]int
	}{
		{"pieapp/27", 128, 128, 9, [2]int{54, 54}},
		{"pieapp/6", 128, 128, 121, [2]int{60, 60}},
		{"pieapp/27/border", 128, 128, 16, [2]int{64, 64}},
		{"pieapp/6/border", 128, 128, 144, [2]int{64, 64}},
		{"pieapp/64/border", 128, 100, 4, [2]int{36, 64}}, // the grid ends at the right edge
		{"pieapp/27/border", 118, 91, 6, [2]int{27, 54}},  // and here at both
		{"pieapp/27/border", 64, 70, 2, [2]int{6, 0}},
		{"pieapp/6", 64, 64, 1, [2]int{0, 0}},
		{"pieapp/6/border", 64, 64, 1, [2]int{0, 0}},
	} {
		m, err := Find(c.id)
		if err != nil || m.Info().ID != c.id {
			t.Fatalf("%s: found %v, %v", c.id, m, err)
		}
		corners := m.(PieAPPMetric).corners(c.width, c.height)
		if len(corners) != c.patches || corners[len(corners)-1] != c.last {
			t.Errorf("%s of %d×%d: %d patches %v", c.id, c.width, c.height, len(corners), corners)
		}
	}
	for _, id := range []string{"pieapp/border", "pieapp//border", "pieapp/027/border", "pieapp/65/border", "pieapp/27/border/border", "pieapp/27/"} {
		if m, err := Find(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: found %v, %v", id, m, err)
		}
	}
}

// Wants from a PyTorch statement of the published definition in float64 with
// float32 weights; ours are half rounded to float16.
func TestLPIPSSqueeze(t *testing.T) {
	m, err := NewLPIPS("squeeze")
	if err != nil {
		t.Fatal(err)
	}
	ref := read(t, "testdata", "c_ref.png")
	near(t, "noise", lpipsScore(t, m, read(t, "testdata", "c_noise.png"), ref), 0.18520171564691393, 2e-4)
	near(t, "up", lpipsScore(t, m, read(t, "testdata", "c_up.png"), ref), 0.1364180532496122, 2e-4)
	digit := read(t, "testdata", "e_ref.png") // the poolings count windows over the edge
	near(t, "28 pixels", lpipsScore(t, m, read(t, "testdata", "e_up.png"), digit), 0.2291528817293408, 2e-4)
	least := picture.NewImage(17, 17)
	near(t, "17 pixels", lpipsScore(t, m, least, least), 0, 0)
}

// Without weights each metric says which are missing, and pictures that have no
// score at all say that first.
func TestNetworkErrors(t *testing.T) {
	t.Setenv("TRUSTSR_WEIGHTS", t.TempDir())
	for id, want := range map[string]string{
		"lpips/vgg/0.1": "vgg16", "dists/noresize": "vgg16", "pieapp/27": "pieapp",
	} {
		m, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		if w := m.Info().Weights; w != "" {
			t.Errorf("%s has weights %s", id, w)
		}
		image := picture.NewImage(64, 64)
		var missing *WeightsError
		if _, err := m.Score(image, image); !errors.Is(err, ErrNoWeights) || !errors.As(err, &missing) || missing.Weights != want {
			t.Errorf("%s: error %v, want one about %s", id, err, want)
		}
		large := picture.NewImage(1, MaxPixels+64)
		large.Width, large.Height = 64, MaxPixels/64+1
		large.Pix = make([]float32, 3*large.Width*large.Height)
		if _, err := m.Score(large, large); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s of a large picture: error %v", id, err)
		}
		if side := m.Info().MinSide - 1; side > 0 {
			small := picture.NewImage(side, 100)
			if _, err := m.Score(small, small); !errors.Is(err, ErrTooSmall) {
				t.Errorf("%s of %d pixels: error %v", id, side, err)
			}
		}
	}
}

// 100 samples of 128×128 against one reference.
func BenchmarkScoreAll(b *testing.B) {
	net, err := generatedVGG16()
	if err != nil {
		b.Fatal(err)
	}
	d, err := newDISTS(net)
	if err != nil {
		b.Fatal(err)
	}
	alex, err := LPIPSAlex()
	if err != nil {
		b.Fatal(err)
	}
	images := make([]*picture.Image, 100)
	for i := range images {
		images[i] = picture.NewImage(128, 128)
		for j := range images[i].Pix {
			images[i].Pix[j] = float32((i*7919+j*104729)%256) / 255
		}
	}
	b.Run("lpips-alex", func(b *testing.B) {
		for b.Loop() {
			if _, err := ScoreAll(b.Context(), alex, images, images[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("dists", func(b *testing.B) {
		for b.Loop() {
			score, err := d.prepare(images[0], NoResize)
			if err != nil {
				b.Fatal(err)
			}
			for _, image := range images {
				if _, err := score(image); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
