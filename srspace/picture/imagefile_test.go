package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// fourColours is a 2×2 picture: red, green / blue, (7, 8, 9).
func fourColours() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	copy(m.Pix, []byte{255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 7, 8, 9, 255})
	return m
}

var fourColoursRGB = []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 7, 8, 9}

// encoded returns what encode writes.
func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, m) })
}

func tiffOf(t testing.TB, m image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return tiff.Encode(b, m, nil) })
}

func fill(m draw.Image, c color.Color) draw.Image {
	draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

func TestDecodeReadsEveryFormat(t *testing.T) {
	paletted := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{
		color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{7, 8, 9, 255},
	})
	copy(paletted.Pix, []byte{0, 1, 2, 3})
	gray := &image.Gray{Pix: []byte{0, 1, 127, 255}, Stride: 2, Rect: image.Rect(0, 0, 2, 2)}
	grayRGB := []byte{0, 0, 0, 1, 1, 1, 127, 127, 127, 255, 255, 255}
	// 16-bit values round to the nearest of 257·v₈: 128 down, 129 up.
	gray16 := image.NewGray16(image.Rect(0, 0, 2, 2))
	for i, v := range []uint16{128, 129, 0xfffe, 257 * 100} {
		gray16.SetGray16(i%2, i/2, color.Gray16{Y: v})
	}
	gray16RGB := []byte{0, 0, 0, 1, 1, 1, 255, 255, 255, 100, 100, 100}
	colour16 := fill(image.NewNRGBA64(image.Rect(0, 0, 2, 2)), color.NRGBA64{R: 257*200 + 128, G: 257*200 + 129, B: 0, A: 0xffff}).(*image.NRGBA64)
	colour16RGB := bytes.Repeat([]byte{200, 201, 0}, 4)

	for _, c := range []struct {
		name string
		data []byte
		want []byte
	}{
		{"png", pngOf(t, fourColours()), fourColoursRGB},
		{"png paletted", pngOf(t, paletted), fourColoursRGB},
		{"png grey", pngOf(t, gray), grayRGB},
		{"png 16-bit grey", pngOf(t, gray16), gray16RGB},
		{"png 16-bit colour", pngOf(t, colour16), colour16RGB},
		{"bmp", encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, fourColours()) }), fourColoursRGB},
		{"tiff", tiffOf(t, fourColours()), fourColoursRGB},
		{"tiff deflate", encoded(t, func(b *bytes.Buffer) error {
			return tiff.Encode(b, gray, &tiff.Options{Compression: tiff.Deflate})
		}), grayRGB},
		{"tiff 16-bit", tiffOf(t, gray16), gray16RGB},
		{"gif", encoded(t, func(b *bytes.Buffer) error {
			return gif.EncodeAll(b, &gif.GIF{Image: []*image.Paletted{paletted}, Delay: []int{0}})
		}), fourColoursRGB},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if m.Width != 2 || m.Height != 2 || !bytes.Equal(m.Bytes(), c.want) {
				t.Errorf("%d×%d %v, want 2×2 %v", m.Width, m.Height, m.Bytes(), c.want)
			}
			if q := m.Quantized(); !slices.Equal(q.Pix, m.Pix) {
				t.Error("values are not multiples of 1/255")
			}
		})
	}
	t.Run("jpeg", func(t *testing.T) {
		flat := fill(image.NewRGBA(image.Rect(0, 0, 16, 8)), color.Gray{Y: 127})
		m, err := Decode(bytes.NewReader(encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, flat, nil) })))
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Repeat([]byte{127}, 16*8*3); m.Width != 16 || m.Height != 8 || !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%d×%d of %v…, want 16×8 of 127", m.Width, m.Height, m.Bytes()[:6])
		}
	})
	t.Run("webp lossless", func(t *testing.T) {
		got, err := ReadFile("testdata/gopher.lossless.webp")
		if err != nil {
			t.Fatal(err)
		}
		want, err := ReadFile("testdata/gopher.png")
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash() != want.Hash() {
			t.Error("not the pixels of gopher.png")
		}
	})
	t.Run("webp lossy", func(t *testing.T) {
		m, err := ReadFile("testdata/lossy.webp")
		if err != nil {
			t.Fatal(err)
		}
		if m.Width != 150 || m.Height != 100 {
			t.Errorf("%d×%d, want 150×100", m.Width, m.Height)
		}
	})
}

// pngChunk returns one PNG chunk.
func pngChunk(kind, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, kind+body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngHeader is the start of a PNG that claims a size.
func pngHeader(width, height uint32) []byte {
	body := binary.BigEndian.AppendUint32(nil, width)
	body = binary.BigEndian.AppendUint32(body, height)
	return append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", string(body)+"\x08\x02\x00\x00\x00")...)
}

// riff wraps chunks as a WebP file.
func riff(chunks ...string) []byte {
	body := "WEBP" + strings.Join(chunks, "")
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func riffChunk(kind, body string) string {
	return string(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))) + body
}

// badFiles are files that must be refused, each with what the error wraps
// and a word that its message holds.
func badFiles(t testing.TB) map[string]struct {
	data []byte
	kind error
	word string
} {
	whole := pngOf(t, fourColours())
	translucent := fourColours()
	translucent.Pix[7] = 254
	offset := image.NewPaletted(image.Rect(1, 1, 3, 3), color.Palette{color.Black, color.White})
	frame := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	clear := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Transparent, color.White})
	photo := fill(image.NewRGBA(image.Rect(0, 0, 64, 64)), color.Gray{Y: 50})
	photo.Set(33, 33, color.White)
	jpg := encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, photo, nil) })
	bm := encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, photo) })
	tif := tiffOf(t, photo)
	pages := slices.Clone(tif)
	ifd := binary.LittleEndian.Uint32(pages[4:])
	binary.LittleEndian.PutUint32(pages[ifd+2+12*uint32(binary.LittleEndian.Uint16(pages[ifd:])):], 8)
	gifOf := func(frames ...*image.Paletted) []byte {
		return encoded(t, func(b *bytes.Buffer) error {
			return gif.EncodeAll(b, &gif.GIF{Image: frames, Delay: make([]int, len(frames))})
		})
	}
	webp, err := os.ReadFile("testdata/gopher.lossless.webp")
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)-20] ^= 1
	acTL := append(append(slices.Clone(whole[:33]), pngChunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00")...), whole[33:]...)

	return map[string]struct {
		data []byte
		kind error
		word string
	}{
		"empty":                    {nil, ErrNotImage, "0 bytes"},
		"one byte":                 {[]byte{0x89}, ErrNotImage, ""},
		"text":                     {[]byte("dear reader, this is no picture\n"), ErrNotImage, ""},
		"pdf":                      {[]byte("%PDF-1.7\n"), ErrNotImage, ""},
		"png signature alone":      {whole[:8], ErrDamaged, "cut off"},
		"png cut in its pixels":    {whole[:len(whole)-25], ErrDamaged, "cut off"},
		"png cut before its end":   {whole[:len(whole)-12], ErrDamaged, "cut off"},
		"png with a flipped bit":   {flipped, ErrDamaged, "checksum"},
		"png of 20000×20000":       {pngHeader(20000, 20000), ErrTooLarge, "20000×20000"},
		"png of 2³¹−1 square":      {pngHeader(1<<31-1, 1<<31-1), ErrTooLarge, ""},
		"png of no width":          {pngHeader(0, 5), ErrDamaged, ""},
		"png translucent":          {pngOf(t, translucent), ErrUnsupported, "pixel (1, 0) is translucent"},
		"png animated":             {acTL, ErrUnsupported, "animated png"},
		"jpeg cut":                 {jpg[:len(jpg)-10], ErrDamaged, "cut off"},
		"jpeg magic alone":         {[]byte{0xff, 0xd8}, ErrDamaged, "cut off"},
		"jpeg cmyk":                {[]byte("\xff\xd8\xff\xc0\x00\x14\x08\x00\x02\x00\x02\x04\x01\x11\x00\x02\x11\x00\x03\x11\x00\x04\x11\x00\xff\xda\x00\x02"), ErrUnsupported, "cmyk"},
		"jpeg of 65535×65535":      {[]byte("\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x02"), ErrTooLarge, "65535×65535"},
		"gif animated":             {gifOf(frame, frame), ErrUnsupported, "animated gif"},
		"gif frame off the canvas": {gifOf(offset), ErrUnsupported, "does not fill"},
		"gif transparent":          {gifOf(clear), ErrUnsupported, "translucent"},
		"gif cut":                  {gifOf(frame)[:20], ErrDamaged, ""},
		"bmp cut":                  {bm[:len(bm)-100], ErrDamaged, "cut off"},
		"tiff cut":                 {tif[:100], ErrDamaged, ""},
		"tiff of two pages":        {pages, ErrUnsupported, "several pages"},
		"webp cut":                 {webp[:len(webp)/2], ErrDamaged, ""},
		"webp animated":            {riff(riffChunk("VP8X", "\x02\x00\x00\x00\x01\x00\x00\x01\x00\x00"), riffChunk("ANIM", "\x00\x00\x00\x00\x00\x00")), ErrUnsupported, "animated webp"},
		// The canvas says 1×1, the bitstream 16384×16384.
		"webp of two sizes": {riff(riffChunk("VP8X", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), riffChunk("VP8L", "\x2f\xff\xff\xff\x0f\x00\x00\x00")), ErrTooLarge, "16384×16384"},
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range badFiles(t) {
		t.Run(name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(c.data))
			if err == nil {
				t.Fatalf("decoded as %d×%d", m.Width, m.Height)
			}
			if c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("error %q does not wrap %q", err, c.kind)
			}
			if !strings.Contains(strings.ToLower(err.Error()), c.word) {
				t.Errorf("error %q does not say %q", err, c.word)
			}
			if hint.Of(err) == "" {
				t.Errorf("error %q has no hint", err)
			}
			if strings.Contains(err.Error(), "\n") || strings.HasSuffix(err.Error(), ".") {
				t.Errorf("error %q is not one line without full stop", err)
			}
		})
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.png")
	if err := os.WriteFile(text, []byte("not a picture at all"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		kind error
	}{
		{text, ErrNotImage},
		{filepath.Join(dir, "absent.png"), fs.ErrNotExist},
		{dir, ErrNotImage},
	} {
		_, err := ReadFile(c.path)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.path) || hint.Of(err) == "" {
			t.Errorf("ReadFile(%s): %v (hint %q), want %v with path and hint", c.path, err, hint.Of(err), c.kind)
		}
	}
}

func TestHint(t *testing.T) {
	if hint.With(nil, "x") != nil {
		t.Error("a hint on no error is an error")
	}
	if h := hint.Of(fs.ErrNotExist); h != "" {
		t.Errorf("hint %q from nowhere", h)
	}
	err := hint.With(fs.ErrNotExist, "look elsewhere")
	if err.Error() != fs.ErrNotExist.Error() || !errors.Is(err, fs.ErrNotExist) || hint.Of(err) != "look elsewhere" {
		t.Errorf("%v, hint %q", err, hint.Of(err))
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range badFiles(f) {
		f.Add(c.data)
	}
	f.Add(pngOf(f, fourColours()))
	f.Add(tiffOf(f, fourColours()))
	for _, name := range []string{"gopher.lossless.webp", "lossy.webp", "gopher.png"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(bytes.NewReader(data))
		if err != nil {
			if m != nil || hint.Of(err) == "" {
				t.Fatalf("image %v, error %v, hint %q", m != nil, err, hint.Of(err))
			}
			return
		}
		if m.Width*m.Height > MaxPixels || len(m.Pix) != 3*m.Width*m.Height {
			t.Fatalf("%d×%d with %d values", m.Width, m.Height, len(m.Pix))
		}
		if m.Width*m.Height > 1<<16 {
			return // for speed
		}
		again, err := Decode(bytes.NewReader(encoded(t, func(b *bytes.Buffer) error { return m.EncodePNG(b) })))
		if err != nil || !slices.Equal(again.Pix, m.Pix) {
			t.Fatalf("png round trip: %v", err)
		}
	})
}
