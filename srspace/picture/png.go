package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"sync"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// EncodePNG writes the picture as an 8-bit PNG: grey if every pixel is grey
// after rounding, else RGB; never with alpha. Values are clamped and rounded
// as in [Image.Bytes]. Equal pictures give equal bytes with the same release
// of Go; [Image.Hash] identifies pixels across releases.
func (m *Image) EncodePNG(w io.Writer) error {
	if m.Width <= 0 || m.Height <= 0 || len(m.Pix) != 3*m.Width*m.Height {
		return fmt.Errorf("encode png: image of %d×%d holds %d values", m.Width, m.Height, len(m.Pix))
	}
	var out image.Image
	if gray := m.gray(); gray != nil {
		out = gray
	} else {
		out = m.NRGBA()
	}
	if err := pngEncoder.Encode(w, out); err != nil {
		return fmt.Errorf("encode png: %w", err)
	}
	return nil
}

// pngEncoder keeps its buffers, 1.3 MB of compressor, from picture to picture.
var pngEncoder = png.Encoder{BufferPool: &pngBuffers{}}

type pngBuffers struct{ pool sync.Pool }

func (b *pngBuffers) Get() *png.EncoderBuffer {
	buffer, _ := b.pool.Get().(*png.EncoderBuffer)
	return buffer // nil makes the encoder take a new one
}

func (b *pngBuffers) Put(buffer *png.EncoderBuffer) { b.pool.Put(buffer) }

// gray returns the picture as a grey image, or nil if any pixel has colour.
func (m *Image) gray() *image.Gray {
	out := image.NewGray(image.Rect(0, 0, m.Width, m.Height))
	for i := range out.Pix {
		r, g, b := quantize(m.Pix[3*i]), quantize(m.Pix[3*i+1]), quantize(m.Pix[3*i+2])
		if r != g || g != b {
			return nil
		}
		out.Pix[i] = r
	}
	return out
}

// WritePNG writes the picture to path as [Image.EncodePNG] does, atomically
// whole or not at all.
func (m *Image) WritePNG(path string) error {
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.Write(path, b.Bytes())
}
