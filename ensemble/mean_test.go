package ensemble_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/srspace/picture"
)

// pixel is an image of one pixel.
func pixel(r, g, b float32) *picture.Image {
	return &picture.Image{Width: 1, Height: 1, Pix: []float32{r, g, b}}
}

func TestMean(t *testing.T) {
	for _, c := range []struct {
		name   string
		images []*picture.Image
		want   [3]float32
	}{
		{"one image stays itself", []*picture.Image{pixel(0.2, 0.4, 1)}, [3]float32{0.2, 0.4, 1}},
		{"two images, not rounded", []*picture.Image{pixel(0, 0, 1), pixel(1./255, 1, 1)}, [3]float32{0.5 / 255, 0.5, 1}},
		{"each is seen in 8 bits", []*picture.Image{pixel(0.4/255, -3, 7), pixel(0.4/255, 0, 0)}, [3]float32{0, 0, 0.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ensemble.Mean(c.images)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Pix, c.want[:]) {
				t.Errorf("got %v, want %v", got.Pix, c.want)
			}
			slices.Reverse(c.images)
			if again, _ := ensemble.Mean(c.images); !slices.Equal(again.Pix, got.Pix) {
				t.Errorf("in reverse order %v, want %v", again.Pix, got.Pix)
			}
		})
	}
}

// a_ens5 is floor(mean + 0.5) of five samples, made with NumPy.
func TestMeanGolden(t *testing.T) {
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
	got, err := ensemble.Mean(samples)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash() != read("a_ens5").Hash() {
		t.Error("the 8-bit mean differs from a_ens5.png")
	}
}

// A mean half-way between two levels becomes the upper one in 8 bits.
func TestMeanHalf(t *testing.T) {
	for b := range 255 {
		low, high := float32(b)/255, float32(b+1)/255
		got, err := ensemble.Mean([]*picture.Image{pixel(low, low, low), pixel(high, high, high)})
		if err != nil {
			t.Fatal(err)
		}
		if v := got.Bytes()[0]; int(v) != b+1 {
			t.Errorf("mean of %d and %d: got %d", b, b+1, v)
		}
	}
}

func TestMeanErrors(t *testing.T) {
	if _, err := ensemble.Mean(nil); !errors.Is(err, ensemble.ErrEmpty) {
		t.Errorf("no images: got error %v", err)
	}
	if _, err := ensemble.Mean([]*picture.Image{picture.NewImage(2, 3), picture.NewImage(3, 2)}); !errors.Is(err, ensemble.ErrSize) {
		t.Errorf("different sizes: got error %v", err)
	}
}

func ExampleMean() {
	mean, err := ensemble.Mean([]*picture.Image{pixel(1, 0, 0), pixel(0, 0, 0), pixel(1, 1, 0), pixel(1, 0, 0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mean.Pix)
	// Output: [0.75 0.25 0]
}
