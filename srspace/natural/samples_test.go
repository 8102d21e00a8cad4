package natural

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/windows"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// The weights stay small enough to be shipped.
func TestSize(t *testing.T) {
	if n := len(modelWeights); n > 16e6 {
		t.Errorf("the model has %d bytes, more than 16 MB", n)
	}
}

// scene is a picture with edges, texture and smooth parts.
func scene(width, height int) *picture.Image {
	img := picture.NewImage(width, height)
	for y := range height {
		for x := range width {
			v := 0.45 + 0.3*math.Sin(float64(x)/23)*math.Cos(float64(y)/31)
			if (x/40+y/56)%2 == 0 {
				v += 0.12 * math.Sin(float64(x*x+3*y*y)/190)
			}
			if (x+2*y)%97 < 9 {
				v = 0.9 - 0.5*v
			}
			for k := range 3 {
				img.Pix[3*(y*width+x)+k] = float32(min(1, max(0, v+0.08*float64(k-1))))
			}
		}
	}
	return img.Quantized()
}

func draw(t *testing.T, m *Model, lr *picture.Image, seeds ...uint64) []*picture.Image {
	t.Helper()
	var out []*picture.Image
	for s, err := range m.Sample(context.Background(), lr, seeds) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Image)
	}
	return out
}

// Samples differ from each other and from the enlargement, and reduced they
// are their LR picture.
func TestSamples(t *testing.T) {
	onEachBackend(t, func(t *testing.T, m *Model) {
		lr, err := imresize.Downscale(scene(120, 88), 4)
		if err != nil {
			t.Fatal(err)
		}
		m.Steps, m.Project = 4, 3
		if err := m.Suit(lr.Width, lr.Height, 2); err != nil {
			t.Fatal(err)
		}
		images := draw(t, m, lr, 7, 8)
		up, err := imresize.Upscale(lr, 4)
		if err != nil {
			t.Fatal(err)
		}
		if d := deviation(images[0], images[1]); !(d > 0.5 && d < 40) {
			t.Errorf("two samples are %.2f of 255 apart", d)
		}
		if d := deviation(images[0], up); !(d > 0.5) {
			t.Errorf("a sample is %.2f of 255 from the enlargement", d)
		}
		for i, img := range images {
			down, err := imresize.Downscale(img, 4)
			if err != nil {
				t.Fatal(err)
			}
			if d := deviation(down, lr); d > 1 {
				t.Errorf("sample %d, reduced, is %.2f of 255 from the LR picture", i, d)
			}
		}
		if a := m.Recipe().Address(lr.Hash(), 7).String(); !strings.Contains(a, "/project-3/seed/7") || !strings.HasPrefix(a, "natural@") {
			t.Errorf("the address is %s", a)
		}
	})
}

// deviation is the root of the mean squared difference, of 255.
func deviation(a, b *picture.Image) float64 {
	sum := 0.0
	for i, v := range a.Pix {
		d := 255 * float64(v-b.Pix[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a.Pix)))
}

// A large picture in windows has no seams: where windows begin or end, the
// picture drawn in windows departs from the one drawn whole by no larger jump
// than elsewhere. Both use the same noise.
func TestWindowsHaveNoSeams(t *testing.T) {
	m, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	lr, err := imresize.Downscale(scene(4*112, 4*40), 4)
	if err != nil {
		t.Fatal(err)
	}
	m.Steps = 5
	whole := draw(t, m, lr, 3)[0]
	m.Sampler.Window = 32
	tiled := draw(t, m, lr, 3)[0]
	if d := deviation(whole, tiled); !(d > 0 && d < 20) {
		t.Errorf("in windows the picture is %.2f of 255 from the whole one", d)
	}
	jump := func(x int) float64 { // of the difference, from column x-1 to x
		sum := 0.0
		for y := range whole.Height {
			for k := range 3 {
				at := 3*(y*whole.Width+x) + k
				sum += math.Abs(float64(tiled.Pix[at] - whole.Pix[at] - tiled.Pix[at-3] + whole.Pix[at-3]))
			}
		}
		return 255 * sum / float64(3*whole.Height)
	}
	border := map[int]bool{}
	for _, start := range windows.Starts(lr.Width, 32) {
		border[4*start], border[4*(start+32)] = true, true
	}
	var usual, at float64
	var n int
	for x := 1; x < whole.Width; x++ {
		if border[x] {
			at = max(at, jump(x))
		} else if x%4 == 0 {
			usual += jump(x)
			n++
		}
	}
	usual /= float64(n)
	t.Logf("jumps of %.2f of 255 at most where windows end, %.2f elsewhere", at, usual)
	if at > 2*usual+0.5 {
		t.Errorf("a seam: %.2f of 255 where a window ends, %.2f elsewhere", at, usual)
	}
}

// Large pictures are sampled in windows, and memory does not grow with them.
func TestMemoryIsBounded(t *testing.T) {
	m, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	need := func(side int) int64 {
		if err := m.Suit(side, side, 1); err != nil {
			t.Fatal(err)
		}
		return m.Estimate(side, side)
	}
	small, large := need(Largest), need(1024)
	if m.Sampler.Window != Window {
		t.Errorf("a picture of 1024 has windows of %d, want %d", m.Sampler.Window, Window)
	}
	// what grows are the latents and the picture itself, in a few copies on
	// the host
	if limit := small + 2<<30; large > limit {
		t.Errorf("1024×1024 pixels need %d bytes, %d×%d %d", large, Largest, Largest, small)
	}
}
