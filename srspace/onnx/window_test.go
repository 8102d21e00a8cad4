package onnx

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// In windows, samples of a network that looks one pixel around are those of the
// whole picture but near the windows' edges, which weigh least; a network that
// looks at one pixel, and one of a fixed size, give the same everywhere.
func TestWindow(t *testing.T) {
	lr := lowResolution(29, 21)
	far := func(a, b *picture.Image) (worst, mean float64) {
		for i, v := range a.Pix {
			d := math.Abs(float64(v-b.Pix[i])) * 255
			worst, mean = max(worst, d), mean+d/float64(len(a.Pix))
		}
		return worst, mean
	}
	pixelwise := func(h, w any) string {
		return input("lr", "n", 3, h, w) + input("z", "n", 3, h, w) + output("sr", "n", 3, "H", "W") + floats("tenth", []float32{0.1}) + floats("scales", []float32{1, 1, 2, 2}, 4) +
			apply("Mul", "z tenth", "t") + apply("Add", "lr t", "s") + field(1, field(4, "Resize")+field(2, "sr")+field(1, "s")+field(1, "")+field(1, "scales"))
	}
	onEachBackend(t, func(t *testing.T, config string) {
		one := func(graph string, o Options) *picture.Image {
			t.Helper()
			o.Name = "m"
			s, err := load(encode(t, graph), "", config, o)
			if err != nil {
				t.Fatal(err)
			}
			if s.Recipe().Window != o.Window {
				t.Errorf("the recipe says windows of %d", s.Recipe().Window)
			}
			return draw(t, s, lr, 3)[0]
		}
		whole := one(generator("n", "h", "w"), Options{Batch: 2})
		if worst, mean := far(one(generator("n", "h", "w"), Options{Batch: 2, Window: 16}), whole); worst == 0 || mean > 2 {
			t.Errorf("up to %v levels, %v on the mean", worst, mean)
		}
		if worst, _ := far(one(generator("n", "h", "w"), Options{Batch: 2, Window: 29}), whole); worst != 0 {
			t.Errorf("a window larger than the picture: %v levels", worst)
		}
		whole = one(pixelwise("h", "w"), Options{})
		for name, graph := range map[string]string{"open": pixelwise("h", "w"), "fixed": pixelwise(16, 16)} {
			if worst, _ := far(one(graph, Options{Window: 16}), whole); worst > 1.01 {
				t.Errorf("%s: up to %v levels", name, worst)
			}
		}
		s, err := load(encode(t, pixelwise(16, 16)), "", config, Options{Name: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Accepts(lr); err == nil || !strings.Contains(err.Error(), "16×16") {
			t.Errorf("a fixed size without windows: %v", err)
		}
		ctx, stop := context.WithCancel(context.Background())
		stop()
		for _, err := range s.Sample(ctx, lowResolution(16, 16), []uint64{1}) {
			if err != context.Canceled {
				t.Error(err)
			}
		}
	})
	if _, err := load(encode(t, pixelwise("h", "w")), "", "go", Options{Name: "m", Window: 7}); err == nil {
		t.Error("windows of 7 pixels")
	}
}

// Memory does not grow with the picture: what a call may not take whole it takes
// in windows.
func TestWindowMemory(t *testing.T) {
	lr := lowResolution(96, 96)
	twice := input("lr", "n", 3, "h", "w") + output("sr", "n", 3, "H", "W") + floats("scales", []float32{1, 1, 4, 4}, 4) +
		field(1, field(4, "Resize")+field(2, "large")+field(1, "lr")+field(1, "")+field(1, "scales")) +
		apply("Concat", "large large", "both", integer("axis", 1)) +
		field(1, field(4, "Split")+field(1, "both")+field(2, "sr")+field(2, "rest")+field(5, integer("axis", 1)))
	for window, fits := range map[int]bool{0: false, 16: true} {
		s, err := load(encode(t, twice), "", "go", Options{Name: "m", Memory: 2300 << 10, Window: window})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Accepts(lr); (err == nil) != fits {
			t.Errorf("windows of %d: %v", window, err)
		}
	}
}
