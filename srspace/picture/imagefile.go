package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

const (
	// MaxPixels is the largest picture read, in pixels (64 megapixels).
	MaxPixels = 64 << 20
	// MaxFileBytes is the largest image file read, in bytes (256 MiB).
	MaxFileBytes = 256 << 20
)

// What can be wrong with an image file. Errors of Decode and ReadFile wrap
// one of these, or the error of the reader, and carry a [Hint].
var (
	ErrNotImage    = errors.New("not an image file")
	ErrTooLarge    = errors.New("image too large")
	ErrDamaged     = errors.New("image file is damaged")
	ErrUnsupported = errors.New("unsupported image")
)

const formatsHint = "the formats read are PNG, JPEG, GIF, BMP, TIFF and WebP"

// ReadFile reads the image file at path; see [Decode].
func ReadFile(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, hint.With(fmt.Errorf("read image: %w", err), "check the path, and that you may read the file")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if info.IsDir() {
		return nil, hint.With(fmt.Errorf("%s: %w: it is a folder", path, ErrNotImage), "name one file in it")
	}
	m, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Decode reads one PNG, JPEG, GIF, BMP, TIFF or WebP picture and returns it
// as RGB in [0,1], each value a multiple of 1/255. The format is told from
// the content, never from a file's name.
//
// 16-bit values v become the nearest 8-bit value, ⌊v/257 + ½⌋. Grey and
// paletted pictures become RGB. Values are taken as stored: colour profiles,
// gamma and orientation tags are ignored.
//
// Refused, with an error that wraps [ErrNotImage], [ErrTooLarge],
// [ErrDamaged] or [ErrUnsupported] and carries a [Hint]: pictures over
// [MaxPixels] or files over [MaxFileBytes] (found from the header, before
// memory is taken for pixels), truncated files, any pixel not fully opaque,
// CMYK, and files of several frames or pages.
func Decode(r io.Reader) (*Image, error) {
	br := bufio.NewReader(r)
	head, err := br.Peek(16)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if len(head) == 0 {
		return nil, hint.With(fmt.Errorf("%w: it is empty (0 bytes)", ErrNotImage), "was the copy or download interrupted? fetch it again")
	}
	format, ok := sniff(head)
	if !ok {
		return nil, hint.With(ErrNotImage, formatsHint+", whatever the file is called")
	}
	data, err := io.ReadAll(io.LimitReader(br, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if len(data) > MaxFileBytes {
		return nil, hint.With(fmt.Errorf("%w: more than %d MiB of file", ErrTooLarge, MaxFileBytes>>20), "crop it first")
	}
	return format.decode(data)
}

// fileFormat reads one kind of image file.
type fileFormat struct {
	name   string
	magic  string // '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	pixels func(io.Reader) (image.Image, error)
	// inspect finds what config does not tell; it must bound the memory that
	// pixels takes where the file can state its size twice.
	inspect func(data []byte) error
}

var fileFormats = []fileFormat{
	{"png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, inspectPNG},
	{"jpeg", "\xff\xd8", jpeg.DecodeConfig, jpeg.Decode, nil},
	{"gif", "GIF8", gif.DecodeConfig, gif.Decode, inspectGIF},
	{"bmp", "BM", bmp.DecodeConfig, bmp.Decode, nil},
	{"tiff", "II*\x00", tiff.DecodeConfig, tiff.Decode, inspectTIFF},
	{"tiff", "MM\x00*", tiff.DecodeConfig, tiff.Decode, inspectTIFF},
	{"webp", "RIFF????WEBP", webp.DecodeConfig, webp.Decode, inspectWebP},
}

func sniff(head []byte) (fileFormat, bool) {
next:
	for _, f := range fileFormats {
		if len(head) < len(f.magic) {
			continue
		}
		for i := range len(f.magic) {
			if f.magic[i] != '?' && f.magic[i] != head[i] {
				continue next
			}
		}
		return f, true
	}
	return fileFormat{}, false
}

func (f fileFormat) decode(data []byte) (m *Image, err error) {
	// The decoders are other people's; a panic on a hostile file is a damaged
	// file to the caller, not the end of the process.
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, f.damaged(fmt.Errorf("%s: %v", f.name, p))
		}
	}()
	cfg, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, f.damaged(err)
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return nil, err
	}
	if cfg.ColorModel == color.CMYKModel {
		return nil, hint.With(fmt.Errorf("%w: %s in CMYK colour", ErrUnsupported, f.name), "convert it to RGB with its colour profile first")
	}
	if f.inspect != nil {
		if err := f.inspect(data); err != nil {
			return nil, err
		}
	}
	src, err := f.pixels(bytes.NewReader(data))
	if err != nil {
		return nil, f.damaged(err)
	}
	if b := src.Bounds(); b.Dx() != cfg.Width || b.Dy() != cfg.Height {
		return nil, hint.With(fmt.Errorf("%w: %s frame of %d×%d does not fill the picture of %d×%d", ErrUnsupported, f.name, b.Dx(), b.Dy(), cfg.Width, cfg.Height), "save it again as PNG")
	}
	return fromOpaque(src)
}

func checkSize(width, height int) error {
	if width <= 0 || height <= 0 {
		return hint.With(fmt.Errorf("%w: its header says %d×%d pixels", ErrDamaged, width, height), "fetch the file again")
	}
	if int64(width)*int64(height) > MaxPixels {
		return hint.With(fmt.Errorf("%w: %d×%d is more than %d megapixels", ErrTooLarge, width, height, MaxPixels>>20), "crop it first")
	}
	return nil
}

// damaged tells a cut file and an unread feature from other damage. Where the
// decoders have no error values to go by, their words must do.
func (f fileFormat) damaged(err error) error {
	const again = "fetch the file again, or open and save it as PNG"
	var (
		pngNo  png.UnsupportedError
		jpegNo jpeg.UnsupportedError
		tiffNo tiff.UnsupportedError
		says   = func(words string) bool { return strings.Contains(err.Error(), words) }
	)
	switch {
	case says("dimension overflow"):
		return hint.With(fmt.Errorf("%w: %w", ErrTooLarge, err), "crop it first")
	case errors.As(err, &pngNo), errors.As(err, &jpegNo), errors.As(err, &tiffNo), errors.Is(err, bmp.ErrUnsupported):
		return hint.With(fmt.Errorf("%w: %w", ErrUnsupported, err), "open and save it as PNG")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), says("unexpected EOF"), says("short Huffman data"), says("not enough image data"):
		return hint.With(fmt.Errorf("%w: the %s is cut off", ErrDamaged, f.name), again)
	}
	return hint.With(fmt.Errorf("%w: %w", ErrDamaged, err), again)
}

// fromOpaque converts a decoded picture; it refuses translucent pixels.
func fromOpaque(src image.Image) (*Image, error) {
	b := src.Bounds()
	at := func(x, y int) color.RGBA64 {
		r, g, bl, a := src.At(x, y).RGBA()
		return color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(bl), A: uint16(a)}
	}
	if fast, ok := src.(image.RGBA64Image); ok {
		at = fast.RGBA64At
	}
	m := NewImage(b.Dx(), b.Dy())
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			if c.A != 0xffff {
				return nil, hint.With(fmt.Errorf("%w: pixel (%d, %d) is translucent", ErrUnsupported, x-b.Min.X, y-b.Min.Y), "flatten it onto a background first: what lies behind would be a guess")
			}
			m.Pix[i] = from16(c.R)
			m.Pix[i+1] = from16(c.G)
			m.Pix[i+2] = from16(c.B)
			i += 3
		}
	}
	return m, nil
}

// from16 rounds a 16-bit value to 8 bits (257·v₈ is v₈ exactly) and returns
// it in [0,1], equal to what FromBytes makes of the 8-bit value.
func from16(v uint16) float32 {
	return float32((uint32(v)+128)/257) / 255
}
