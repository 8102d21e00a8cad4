// Package picture holds colour pictures: what every other package reads,
// compares, averages and writes. [ReadFile] and [Decode] read a file and refuse
// what they cannot read exactly; [Image.WritePNG] writes one.
package picture

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
)

// Image is a colour picture: Height × Width × 3 float32 values in [0,1],
// row-major, RGB interleaved: channel c of pixel (x, y) is
// Pix[(y*Width+x)*3+c]. Grey pictures hold the same value three times.
type Image struct {
	Width, Height int
	Pix           []float32
}

// NewImage returns a black image of the given size in pixels.
func NewImage(width, height int) *Image {
	return &Image{Width: width, Height: height, Pix: make([]float32, 3*width*height)}
}

// FromBytes returns the image of 8-bit RGB bytes, height × width × 3,
// each divided by 255. It fails when the length does not fit the size.
func FromBytes(rgb []byte, width, height int) (*Image, error) {
	if width <= 0 || height <= 0 || len(rgb) != 3*width*height {
		return nil, fmt.Errorf("image of %d×%d needs %d bytes of RGB, got %d", width, height, 3*width*height, len(rgb))
	}
	m := NewImage(width, height)
	for i, b := range rgb {
		m.Pix[i] = float32(b) / 255
	}
	return m, nil
}

// FromGray returns the image of 8-bit grey bytes, height × width, the same
// value in all three channels.
func FromGray(gray []byte, width, height int) (*Image, error) {
	if width <= 0 || height <= 0 || len(gray) != width*height {
		return nil, fmt.Errorf("image of %d×%d needs %d bytes of grey, got %d", width, height, width*height, len(gray))
	}
	m := NewImage(width, height)
	for i, b := range gray {
		v := float32(b) / 255
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = v, v, v
	}
	return m, nil
}

// Bytes returns the picture as a viewer shows it: 8-bit RGB, height × width
// × 3, values clamped to [0,1] and rounded half up. NaN becomes 0.
func (m *Image) Bytes() []byte {
	out := make([]byte, len(m.Pix))
	for i, v := range m.Pix {
		out[i] = quantize(v)
	}
	return out
}

func quantize(v float32) byte {
	switch {
	case !(v > 0): // also NaN
		return 0
	case v >= 1:
		return 255
	}
	return byte(math.Floor(float64(v)*255 + 0.5))
}

// Quantized returns the image an 8-bit PNG of m holds: what people saw.
func (m *Image) Quantized() *Image {
	q, _ := FromBytes(m.Bytes(), m.Width, m.Height)
	return q
}

// NRGBA returns the picture as a standard library image of 8 bits a channel.
func (m *Image) NRGBA() *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, m.Width, m.Height))
	b := m.Bytes()
	for i := 0; i < m.Width*m.Height; i++ {
		copy(out.Pix[4*i:], b[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

// Hash identifies the picture by its size and 8-bit pixels: the lower-case
// hexadecimal SHA-256 of width and height (little-endian uint32 each) and
// Bytes.
func (m *Image) Hash() string {
	h := sha256.New()
	var size [8]byte
	binary.LittleEndian.PutUint32(size[:4], uint32(m.Width))
	binary.LittleEndian.PutUint32(size[4:], uint32(m.Height))
	h.Write(size[:])
	h.Write(m.Bytes())
	return hex.EncodeToString(h.Sum(nil))
}

// Enlarged returns the picture with each pixel repeated n × n times, n ≥ 1.
func (m *Image) Enlarged(n int) *Image {
	out := NewImage(n*m.Width, n*m.Height)
	for y := range out.Height {
		for x := range out.Width {
			copy(out.Pix[3*(y*out.Width+x):][:3], m.Pix[3*(y/n*m.Width+x/n):])
		}
	}
	return out
}

// Crop returns the part of the picture whose upper left corner is (x, y). The
// part must lie inside the picture; else Crop panics.
func (m *Image) Crop(x, y, width, height int) *Image {
	out := NewImage(width, height)
	for row := range height {
		from := 3 * ((y+row)*m.Width + x)
		copy(out.Pix[3*row*width:][:3*width], m.Pix[from:from+3*width])
	}
	return out
}
