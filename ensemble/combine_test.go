package ensemble_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		images []*picture.Image
		want   [3]float32
	}{
		{[]*picture.Image{pixel(1, 0.2, 0), pixel(0, 1, 0), pixel(0, 0.4, 1)}, [3]float32{0, 0.4, 0}},
		{[]*picture.Image{pixel(1, 0.2, 0), pixel(0, 1, 0), pixel(0, 0.4, 1), pixel(1, 0.6, 1)}, [3]float32{0.5, 0.5, 0.5}},
	} {
		got, err := ensemble.Median(c.images)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Pix, c.want[:]) {
			t.Errorf("got %v, want %v", got.Pix, c.want)
		}
	}
	if _, err := ensemble.Median(nil); !errors.Is(err, ensemble.ErrEmpty) {
		t.Errorf("no images: error %v", err)
	}
}

func TestWeightedMean(t *testing.T) {
	a, b, c := pixel(1, 0, 0.2), pixel(0, 1, 0.4), pixel(0, 0, 1)
	got, err := ensemble.WeightedMean([]*picture.Image{a, b, c}, []int{3, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0.75, 0.25, 0.25}; !slices.Equal(got.Pix, want) {
		t.Errorf("got %v, want %v", got.Pix, want)
	}
	got, _ = ensemble.WeightedMean([]*picture.Image{a, b, c}, []int{7, 7, 7})
	if mean, _ := ensemble.Mean([]*picture.Image{a, b, c}); !slices.Equal(got.Pix, mean.Pix) {
		t.Errorf("equal weights give %v, the mean is %v", got.Pix, mean.Pix)
	}
	for _, weights := range [][]int{{1, 1}, {1, 1, -1}, {0, 0, 0}} {
		if _, err := ensemble.WeightedMean([]*picture.Image{a, b, c}, weights); err == nil {
			t.Errorf("weights %v are taken", weights)
		}
	}
	if _, err := ensemble.WeightedMean([]*picture.Image{a, picture.NewImage(2, 1)}, []int{1, 1}); !errors.Is(err, ensemble.ErrSize) {
		t.Errorf("two sizes: error %v", err)
	}
}

func psnr(a, b *picture.Image) float64 {
	var sum float64
	x, y := a.Bytes(), b.Bytes()
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(x))/sum)
}

// lrPSNR degrades with the factor of a photograph's LR image.
func lrPSNR(m, lr *picture.Image) (float64, error) {
	down, err := imresize.Downscale(m, 4)
	if err != nil {
		return 0, err
	}
	return psnr(down, lr), nil
}

// The mean of five real samples becomes consistent with its LR image, does
// not lose fidelity by it, and moves little.
func TestProject(t *testing.T) {
	dir := golden.Path(t, "metrics", "img")
	read := func(name string) *picture.Image {
		m, err := picture.ReadFile(dir + "/" + name + ".png")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var samples []*picture.Image
	for i := range 5 {
		samples = append(samples, read(fmt.Sprintf("a_s%d", i)))
	}
	mean, err := ensemble.Mean(samples)
	if err != nil {
		t.Fatal(err)
	}
	lr := read("a_lr")
	p, err := ensemble.Project(mean, lr, mean.Width/lr.Width, 50, lrPSNR)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := lrPSNR(mean, lr); p.Before != want {
		t.Errorf("consistency before: %g dB, want %g", p.Before, want)
	}
	if want, _ := lrPSNR(p.Image, lr); p.After != want || p.After < 50 || p.After < p.Before {
		t.Errorf("consistency %g dB before, %g after, want more than 50", p.Before, p.After)
	}
	if p.Residual >= 0.5/255 {
		t.Errorf("residual %g after %d iterations", p.Residual, p.Iterations)
	}
	ref := read("a_ref")
	if before, after := psnr(mean, ref), psnr(p.Image, ref); after < before {
		t.Errorf("PSNR to the truth fell from %.2f to %.2f dB", before, after)
	}
	t.Logf("LR-PSNR %.2f → %.2f dB in %d iterations", p.Before, p.After, p.Iterations)

	// What is consistent already stays as it is.
	again, err := ensemble.Project(p.Image, lr, 4, 50, lrPSNR)
	if err != nil {
		t.Fatal(err)
	}
	if again.Iterations > 1 || psnr(again.Image, p.Image) < 55 {
		t.Errorf("projecting twice: %d more iterations, %.1f dB apart", again.Iterations, psnr(again.Image, p.Image))
	}
}

func TestProjectErrors(t *testing.T) {
	img, lr := picture.NewImage(28, 28), picture.NewImage(7, 7)
	if _, err := ensemble.Project(img, picture.NewImage(8, 7), 4, 9, lrPSNR); !errors.Is(err, ensemble.ErrSize) {
		t.Errorf("sizes: error %v", err)
	}
	bad := errors.New("bad")
	if _, err := ensemble.Project(img, lr, 4, 9, func(_, _ *picture.Image) (float64, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Errorf("consistency: error %v", err)
	}
	// A side that the factor does not divide.
	if _, err := ensemble.Project(picture.NewImage(27, 28), lr, 4, 9, lrPSNR); err != nil {
		t.Error(err)
	}
}
