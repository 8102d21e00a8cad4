package picture

import (
	"bytes"
	"image"
	"image/png"
	"testing"
)

func TestEncodePNG(t *testing.T) {
	colour, err := FromBytes(fourColoursRGB, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	gray, err := FromGray([]byte{0, 9, 200, 255}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	// Grey after rounding: 0.2 and 0.2+1/2000 are both 51/255.
	almost := &Image{Width: 1, Height: 1, Pix: []float32{0.2, 0.2 + 1.0/2000, 0.2}}
	for _, c := range []struct {
		name string
		m    *Image
		grey bool
	}{{"colour", colour, false}, {"grey", gray, true}, {"grey after rounding", almost, true}} {
		t.Run(c.name, func(t *testing.T) {
			data := encoded(t, func(b *bytes.Buffer) error { return c.m.EncodePNG(b) })
			std, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			switch std.(type) {
			case *image.Gray:
				if !c.grey {
					t.Error("written as grey")
				}
			case *image.RGBA: // what image/png makes of RGB without alpha
				if c.grey {
					t.Error("written as RGB")
				}
			default:
				t.Errorf("written as %T", std)
			}
			back, err := Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if back.Hash() != c.m.Hash() {
				t.Error("pixels changed")
			}
			if again := encoded(t, func(b *bytes.Buffer) error { return c.m.EncodePNG(b) }); !bytes.Equal(again, data) {
				t.Error("bytes differ from one encoding to the next")
			}
		})
	}
	for _, bad := range []*Image{{}, {Width: 2, Height: 2, Pix: make([]float32, 3)}} {
		if err := bad.EncodePNG(new(bytes.Buffer)); err == nil {
			t.Errorf("encoded an image of %d×%d with %d values", bad.Width, bad.Height, len(bad.Pix))
		}
	}
}
