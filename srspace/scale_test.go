package srspace

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/trustsr/trustsr/srspace/picture"
)

// eager is a sampler that counts what it has made, and may crash.
type eager struct {
	made  chan int
	crash bool
}

func (e eager) Recipe() Recipe {
	return Recipe{Model: "eager", Weights: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Scale: 4, Method: "none", Steps: 1, RNG: RNG, Fit: "none", Backend: "none", Schedule: "none", Software: Version}
}

func (e eager) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for i, seed := range seeds {
			if e.crash {
				panic("out of order")
			}
			if e.made != nil {
				e.made <- i + 1
			}
			if !yield(Sample{Seed: seed, Image: picture.NewImage(4*lr.Width, 4*lr.Height)}, ctx.Err()) {
				return
			}
		}
	}
}

func eagerSpace(t *testing.T) *Space {
	t.Helper()
	s, err := Create(t.TempDir(), picture.NewImage(7, 7), eager{}.Recipe(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The sampler goes on while a sample is being kept.
func TestDrawSamplesWhileItWrites(t *testing.T) {
	made := make(chan int) // unbuffered: the sampler waits for us to see each
	told := 0
	err := eagerSpace(t).Draw(t.Context(), eager{made: made}, 3, func(done, _ int) {
		told++
		if done == 0 { // not begun
			go func() { <-made }() // the first, whose writing we are told of next
		}
		if done == 1 {
			for want := 2; want <= 3; want++ { // made before we return from the first
				select {
				case got := <-made:
					if got != want {
						t.Errorf("made %d, want %d", got, want)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the sampler waits for the writer")
				}
			}
		}
	})
	if err != nil || told != 4 {
		t.Errorf("told %d times, %v", told, err)
	}
}

// A panic of the sampler reaches the caller of Draw, which recovers from it
// once for all.
func TestDrawPassesOnAPanic(t *testing.T) {
	defer func() {
		if got := recover(); got != "out of order" {
			t.Errorf("recovered %v", got)
		}
	}()
	eagerSpace(t).Draw(t.Context(), eager{crash: true}, 3, nil)
	t.Error("no panic")
}

func TestDrawStopsTheSampler(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := eagerSpace(t)
	err := s.Draw(ctx, eager{}, 5000, func(done, _ int) {
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || s.Len() != 2 {
		t.Errorf("%d samples, %v", s.Len(), err)
	}
}

// A space of 10,000 samples opens and lists them within a second; opening
// decodes no sample.
func TestLargeSpaceOpens(t *testing.T) {
	s := eagerSpace(t)
	const n = 10_000
	for seed := range uint64(n) {
		data, err := encodeSample(picture.NewImage(28, 28), s.origin(seed))
		if err != nil {
			t.Fatal(err)
		}
		if seed == 5 { // pixels that cannot be decoded
			data[len(data)-len(pngEnd)-1] ^= 1 // the checksum of the pixels
		}
		if err := os.WriteFile(s.Path(seed), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var opened *Space
	fastest := time.Hour
	for range 20 { // the fastest counts: the machine may be busy
		began := time.Now()
		var err error
		if opened, err = Open(s.Dir()); err != nil {
			t.Fatal(err)
		}
		got := opened.Len()
		fastest = min(fastest, time.Since(began))
		if got != n {
			t.Errorf("%d samples, want %d", got, n)
		}
		if fastest < time.Second {
			break
		}
	}
	t.Logf("%d samples opened in %v", n, fastest)
	if fastest > time.Second {
		t.Errorf("%d samples took %v to open, want a second at most", n, fastest)
	}
	if _, err := opened.Image(5); err == nil {
		t.Error("a damaged sample reads")
	}
	began := time.Now()
	names := opened.Len()
	counted := time.Since(began)
	began = time.Now()
	checked := len(opened.Seeds())
	t.Logf("%d counted in %v, %d checked in %v", names, counted, checked, time.Since(began))
}
