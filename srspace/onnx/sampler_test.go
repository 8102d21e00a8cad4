package onnx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backendtest"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

func onEachBackend(t *testing.T, test func(t *testing.T, config string)) {
	t.Helper()
	backendtest.EachName(t, test)
}

func write(t *testing.T, graph string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny-x4.onnx")
	if err := os.WriteFile(path, encode(t, graph), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// lowResolution is a picture of 8-bit values that differ everywhere.
func lowResolution(w, h int) *picture.Image {
	m := picture.NewImage(w, h)
	for i := range m.Pix {
		m.Pix[i] = 0.2 + 0.6*float32(i*29%97)/97
	}
	return m.Quantized()
}

func draw(t *testing.T, s *Sampler, lr *picture.Image, seeds ...uint64) []*picture.Image {
	t.Helper()
	var out []*picture.Image
	for sample, err := range s.Sample(context.Background(), lr, seeds) {
		if err != nil {
			t.Fatal(err)
		}
		if sample.Seed != seeds[len(out)] {
			t.Fatalf("sample %d in place of %d", sample.Seed, seeds[len(out)])
		}
		out = append(out, sample.Image)
	}
	return out
}

// A foreign ×4 generator's samples are those computed by hand, on every
// backend, with open and with fixed axes, whatever the batch.
func TestGenerator(t *testing.T) {
	const w, h = 7, 5
	lr := lowResolution(w, h)
	planes := make([]float32, 3*w*h)
	for i, v := range lr.Pix {
		planes[i%3*w*h+i/3] = v
	}
	seeds := []uint64{0, 1, 2, 17, 1 << 40}
	onEachBackend(t, func(t *testing.T, config string) {
		for name, c := range map[string]struct {
			graph string
			batch int
		}{
			"open axes":     {generator("n", "h", "w"), 1},
			"open, batch 3": {generator("n", "h", "w"), 3},
			"fixed":         {generator(1, h, w), 8},
			"fixed batch 2": {generator(2, "h", "w"), 0},
		} {
			s, err := Open(write(t, c.graph), config, Options{Batch: c.batch})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if r := s.Recipe(); r.Scale != 4 || r.Model != "tiny-x4" || r.Eta != 1 || len(r.Weights) != 64 || s.Deterministic() {
				t.Errorf("%s: recipe %+v", name, r)
			}
			for i, got := range draw(t, s, lr, seeds...) {
				z := make([]float32, w*h)
				srspace.Noise(z, seeds[i], 0)
				want := generated(planes, z, h, w)
				if got.Width != 4*w || got.Height != 4*h {
					t.Fatalf("%s: %d×%d", name, got.Width, got.Height)
				}
				for p, v := range got.Pix {
					want := min(1, max(0, float64(want[p%3*16*w*h+p/3])))
					if d := math.Abs(float64(v) - want); d > 0.5/255+1e-5 { // rounding to 8 bits
						t.Fatalf("%s, seed %d: value %d is %v, not %v", name, seeds[i], p, v, want)
					}
				}
			}
		}
	})
}

// A space drawn whole, in parts, and sample by sample is the same, byte for
// byte.
func TestSpaces(t *testing.T) {
	const n = 10
	onEachBackend(t, func(t *testing.T, config string) {
		s, err := Open(write(t, generator("n", "h", "w")), config, Options{Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		lr := lowResolution(9, 6)
		create := func(name string) *srspace.Space {
			space, err := srspace.Create(filepath.Join(t.TempDir(), name), lr, s.Recipe(), 5)
			if err != nil {
				t.Fatal(err)
			}
			return space
		}
		whole := create("whole")
		if err := whole.Draw(context.Background(), s, n, nil); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range 3 {
			part, err := srspace.ParsePart(fmt.Sprintf("%d/3", i+1), os.Getenv)
			if err != nil {
				t.Fatal(err)
			}
			shard := create("part")
			if err := shard.DrawPart(context.Background(), s, n, part, nil); err != nil {
				t.Fatal(err)
			}
			from, to := part.Range(n)
			for seed := uint64(5 + from); seed < uint64(5+to); seed++ {
				want, err := os.ReadFile(whole.Path(seed))
				if err != nil {
					t.Fatal(err)
				}
				seen[string(want)] = true
				if got, err := os.ReadFile(shard.Path(seed)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("seed %d of part %v differs from the whole, %v", seed, part, err)
				}
				if got, err := srspace.DrawOne(context.Background(), s, lr, seed); err != nil || !bytes.Equal(got, want) {
					t.Errorf("seed %d alone differs from the whole, %v", seed, err)
				}
			}
		}
		if len(seen) != n {
			t.Errorf("%d different samples of %d", len(seen), n)
		}
	})
}

// Ranges and single channels: a model that enlarges grey [-1,1] to [0,255].
func TestRanges(t *testing.T) {
	graph := input("x", "n", 1, 4, 4) + output("y", "n", 1, 8, 8) +
		floats("half", []float32{127.5}) + floats("scales", []float32{1, 1, 2, 2}, 4) + floats("none", nil, 0) +
		apply("Resize", "x none scales", "large") +
		apply("Mul", "large half", "m") + apply("Add", "m half", "y")
	onEachBackend(t, func(t *testing.T, config string) {
		s, err := Open(write(t, graph), config, Options{LRRange: Range{-1, 1}, OutputRange: Range{0, 255}})
		if err != nil {
			t.Fatal(err)
		}
		lr := lowResolution(4, 4)
		for i := range lr.Pix {
			lr.Pix[i] = lr.Pix[i-i%3]
		}
		got := draw(t, s, lr, 3)[0]
		if s.Recipe().Scale != 2 || s.Recipe().Eta != 0 || !s.Deterministic() {
			t.Errorf("recipe %+v", s.Recipe())
		}
		for i := range 64 {
			p := (i / 8 / 2 * 4) + i%8/2
			want := lr.Pix[3*p]
			if v := got.Pix[3*i]; math.Abs(float64(v-want)) > 0.5/255+1e-5 || v != got.Pix[3*i+2] {
				t.Fatalf("pixel %d is %v, not %v", i, v, want)
			}
		}
		if err := s.Accepts(lowResolution(5, 4)); err == nil || !strings.Contains(err.Error(), "4×4") {
			t.Errorf("another size: %v", err)
		}
		for _, err := range s.Sample(context.Background(), lr, []uint64{1, 2}) {
			if !errors.Is(err, ErrSame) {
				t.Errorf("two samples of a deterministic model: %v", err)
			}
		}
	})
}
