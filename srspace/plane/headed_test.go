package plane_test

import (
	"image"
	"image/color"
	"testing"

	"github.com/trustsr/trustsr/srspace/plane"
)

func TestHeaded(t *testing.T) {
	m := image.NewNRGBA(image.Rect(5, 5, 15, 12))
	for i := range m.Pix {
		m.Pix[i] = 0x55
	}
	out, err := plane.Headed("", m)
	if err != nil || out.Bounds().Size() != image.Pt(10, 7) || out.NRGBAAt(0, 0) != (color.NRGBA{0x55, 0x55, 0x55, 0x55}) {
		t.Fatalf("without a heading: %v, error %v", out.Bounds(), err)
	}
	out, err = plane.Headed("Simulated votes: no person took part, all 30 participants are simulated.", m)
	if err != nil {
		t.Fatal(err)
	}
	size := out.Bounds().Size()
	if size.X != 240 || size.Y < 7+3*12 || out.NRGBAAt(9, size.Y-1) != (color.NRGBA{0x55, 0x55, 0x55, 0x55}) {
		t.Errorf("%v, the picture's last pixel is %v", size, out.NRGBAAt(9, size.Y-1))
	}
	dark, edge := 0, 0
	for y := range size.Y - 7 {
		for x := range size.X {
			if out.NRGBAAt(x, y).R < 0x80 {
				dark++
				if x >= size.X-2 {
					edge++
				}
			}
		}
	}
	if dark < 300 || edge > 0 { // some 70 letters, none cut off
		t.Errorf("the heading has %d dark pixels, %d at its right edge", dark, edge)
	}
}
