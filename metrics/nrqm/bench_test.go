package nrqm

import (
	"fmt"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// texture is a picture with detail at all scales and no flat parts.
func texture(width, height int, seed uint64) *picture.Image {
	img := picture.NewImage(width, height)
	s := seed
	for i := range img.Pix {
		s = s*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
		x, y := i/3%width, i/3/width
		img.Pix[i] = 0.3*float32((x/7+y/5)%3)/2 + 0.3*float32(x*y%31)/31 + 0.4*float32(s>>40)/(1<<24)
	}
	return img
}

func BenchmarkCompute(b *testing.B) {
	for _, size := range [][2]int{{128, 128}, {1080, 800}, {1009, 809}} { // the last is of primes
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			img := texture(size[0], size[1], 1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compute(img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
