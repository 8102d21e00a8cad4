package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math/bits"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
	"github.com/trustsr/trustsr/internal/jpeg"
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
	f, _, err := inputfile.Open(path, MaxFileBytes)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close()
	m, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// openError says in the words of this package why a file was not opened.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, inputfile.ErrNotFile):
		return hint.With(fmt.Errorf("%w: %w", ErrNotImage, err), hint.Of(err))
	case errors.Is(err, inputfile.ErrTooLarge):
		return hint.With(fmt.Errorf("%s: %w: more than %d MiB of file", path, ErrTooLarge, MaxFileBytes>>20), "crop it first")
	}
	return fmt.Errorf("read image: %w", err)
}

// Decode reads one PNG, JPEG, GIF, BMP, TIFF or WebP picture and returns it
// as RGB in [0,1], each value a multiple of 1/255. The format is told from
// the content, never from a file's name.
//
// JPEG files are decoded to the values of libjpeg-turbo and lossy WebP files to
// those of libwebp, both with their default settings: bit for bit what Pillow
// and OpenCV read.
//
// 16-bit values v become the nearest 8-bit value, ⌊v/257 + ½⌋. Grey and
// paletted pictures become RGB. The picture is returned upright: an EXIF
// orientation in JPEG, PNG, TIFF or WebP is followed, and [Describe] tells it.
// Otherwise values are taken as stored: colour profiles and gamma are ignored.
//
// Refused, with an error that wraps [ErrNotImage], [ErrTooLarge],
// [ErrDamaged] or [ErrUnsupported] and carries a hint: pictures over
// [MaxPixels] or files over [MaxFileBytes] (found from the header, before
// memory is taken for pixels), truncated files, any pixel not fully opaque,
// CMYK, files of several frames or pages, TIFF files of a plane a channel, and
// 16-bit files whose values all lie below 4096: the raw values of a camera of 12
// bits, which would read as a nearly black picture.
func Decode(r io.Reader) (*Image, error) {
	br := bufio.NewReader(r)
	head, err := br.Peek(inputfile.LFSBytes)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if len(head) == 0 {
		return nil, hint.With(fmt.Errorf("%w: it is empty (0 bytes)", ErrNotImage), "was the copy or download interrupted? fetch it again")
	}
	format, err := sniff(head)
	if err != nil {
		return nil, err
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
	pixels func(data []byte, size image.Config) (*Image, error)
	// inspect finds what config does not tell; it must bound the memory that
	// pixels takes where the file can state its size twice.
	inspect func(data []byte) error
	// orientation finds the EXIF tag.
	orientation func(io.ReaderAt) Orientation
}

func asStored(io.ReaderAt) Orientation { return 1 }

func inspectNothing([]byte) error { return nil }

var fileFormats = []fileFormat{
	{"png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, library("png", png.Decode), inspectPNG, pngOrientation},
	{"jpeg", "\xff\xd8", jpegConfig, decodeJPEG, inspectNothing, jpegOrientation},
	{"gif", "GIF8", gif.DecodeConfig, library("gif", gif.Decode), inspectGIF, asStored},
	{"bmp", "BM", bmp.DecodeConfig, library("bmp", bmp.Decode), inspectNothing, asStored},
	{"tiff", "II*\x00", tiff.DecodeConfig, library("tiff", tiff.Decode), inspectTIFF, tiffOrientation},
	{"tiff", "MM\x00*", tiff.DecodeConfig, library("tiff", tiff.Decode), inspectTIFF, tiffOrientation},
	{"webp", "RIFF????WEBP", webp.DecodeConfig, decodeWebP, inspectWebP, webpOrientation},
}

// sniff tells the format from the beginning of a file.
func sniff(head []byte) (fileFormat, error) {
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
		return f, nil
	}
	if err := inputfile.CheckLFS(head); err != nil {
		return fileFormat{}, hint.With(fmt.Errorf("%w: %w", ErrNotImage, err), hint.Of(err))
	}
	return fileFormat{}, hint.With(ErrNotImage, formatsHint+", whatever the file is called")
}

func (f fileFormat) decode(data []byte) (m *Image, err error) {
	// The decoders are other people's; a panic on a hostile file is a damaged
	// file to the caller, not the end of the process.
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, f.damaged(fmt.Errorf("%s: %v", f.name, p))
		}
	}()
	cfg, err := f.checkedConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := f.inspect(data); err != nil {
		return nil, err
	}
	m, err = f.pixels(data, cfg)
	if errors.Is(err, ErrUnsupported) {
		return nil, err
	}
	if err != nil {
		return nil, f.damaged(err)
	}
	return f.orientation(bytes.NewReader(data)).upright(m), nil
}

// checkedConfig reads the header and refuses what it says too much of.
func (f fileFormat) checkedConfig(r io.Reader) (image.Config, error) {
	cfg, err := f.config(r)
	if err != nil {
		return cfg, f.damaged(err)
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return cfg, err
	}
	if cfg.ColorModel == color.CMYKModel {
		return cfg, hint.With(fmt.Errorf("%w: %s in CMYK colour", ErrUnsupported, f.name), "convert it to RGB with its colour profile first")
	}
	return cfg, nil
}

// library reads pixels with a decoder of the standard library's form.
func library(format string, decode func(io.Reader) (image.Image, error)) func([]byte, image.Config) (*Image, error) {
	return func(data []byte, size image.Config) (*Image, error) {
		src, err := decode(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if err := fills(src, format, size); err != nil {
			return nil, err
		}
		return fromOpaque(src, format)
	}
}

// fills returns an error unless the decoded picture has the header's size.
func fills(src image.Image, format string, size image.Config) error {
	if b := src.Bounds(); b.Dx() != size.Width || b.Dy() != size.Height {
		return hint.With(fmt.Errorf("%w: %s frame of %d×%d does not fill the picture of %d×%d", ErrUnsupported, format, b.Dx(), b.Dy(), size.Width, size.Height), "save it again as PNG")
	}
	return nil
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
		tiffNo tiff.UnsupportedError
		says   = func(words string) bool { return strings.Contains(err.Error(), words) }
	)
	switch {
	case says("dimension overflow"):
		return hint.With(fmt.Errorf("%w: %w", ErrTooLarge, err), "crop it first")
	case errors.As(err, &pngNo), errors.Is(err, jpeg.ErrUnsupported), errors.As(err, &tiffNo), errors.Is(err, bmp.ErrUnsupported):
		return hint.With(fmt.Errorf("%w: %w", ErrUnsupported, err), "open and save it as PNG")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, jpeg.ErrCut), says("unexpected EOF"), says("not enough image data"):
		return hint.With(fmt.Errorf("%w: the %s is cut off", ErrDamaged, f.name), again)
	}
	return hint.With(fmt.Errorf("%w: %w", ErrDamaged, err), again)
}

// fromOpaque converts a decoded picture; it refuses translucent pixels, and
// values of 12 bits in 16.
func fromOpaque(src image.Image, format string) (*Image, error) {
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
	var greatest uint16
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			if c.A != 0xffff {
				return nil, errTranslucent(x-b.Min.X, y-b.Min.Y)
			}
			m.Pix[i] = from16(c.R)
			m.Pix[i+1] = from16(c.G)
			m.Pix[i+2] = from16(c.B)
			greatest = max(greatest, c.R, c.G, c.B)
			i += 3
		}
	}
	switch src.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		if n := bits.Len16(greatest); greatest > 0 && n <= 12 {
			return nil, hint.With(fmt.Errorf("%w: a 16-bit %s whose greatest value is %d of 65535: values of %d bits that are not scaled to 16", ErrUnsupported, format, greatest, n),
				"multiply them so that white is 65535, or, if the picture is so dark, save it with 8 bits")
		}
	}
	return m, nil
}

func errTranslucent(x, y int) error {
	return hint.With(fmt.Errorf("%w: pixel (%d, %d) is translucent", ErrUnsupported, x, y), "flatten it onto a background first: what lies behind would be a guess")
}

// from16 rounds a 16-bit value to 8 bits (257·v₈ is v₈ exactly) and returns
// it in [0,1], equal to what FromBytes makes of the 8-bit value.
func from16(v uint16) float32 {
	return float32((uint32(v)+128)/257) / 255
}
