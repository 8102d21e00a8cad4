package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"golang.org/x/image/bmp"
)

func TestDescribe(t *testing.T) {
	size := image.Rect(0, 0, 5, 3)
	rgb := func(alpha uint8) image.Image { return fill(image.NewNRGBA(size), color.NRGBA{1, 2, 3, alpha}) }
	for name, c := range map[string]struct {
		data []byte
		want FileInfo
	}{
		"grey":         {pngOf(t, fill(image.NewGray(size), color.White)), FileInfo{"png", 5, 3, 1, 8, 1}},
		"grey, 16 bit": {pngOf(t, fill(image.NewGray16(size), color.White)), FileInfo{"png", 5, 3, 1, 16, 1}},
		"colour":       {pngOf(t, rgb(255)), FileInfo{"png", 5, 3, 3, 8, 1}},
		"alpha":        {pngOf(t, rgb(7)), FileInfo{"png", 5, 3, 3, 8, 1}},
		"16 bit":       {pngOf(t, fill(image.NewNRGBA64(size), color.White)), FileInfo{"png", 5, 3, 3, 16, 1}},
		"paletted":     {pngOf(t, image.NewPaletted(size, color.Palette{color.White})), FileInfo{"png", 5, 3, 3, 8, 1}},
		"TIFF, 16 bit": {tiffOf(t, fill(image.NewRGBA64(size), color.White)), FileInfo{"tiff", 5, 3, 3, 16, 1}},
		"BMP":          {encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, rgb(255)) }), FileInfo{"bmp", 5, 3, 3, 8, 1}},
		"JPEG, grey":   {encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, image.NewGray(size), nil) }), FileInfo{"jpeg", 5, 3, 1, 8, 1}},
	} {
		path := filepath.Join(t.TempDir(), "picture")
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := Describe(path); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestDescribeRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"empty":    {"", ErrNotImage},
		"text":     {"hello, this is a text", ErrNotImage},
		"cut":      {string(pngOf(t, image.NewGray(image.Rect(0, 0, 5, 3)))[:20]), ErrDamaged},
		"too wide": {"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x00\x00\x00\x7f\x01\x00\x00\x00\x01\x00\x18\x00\x00\x00\x00\x00" + string(make([]byte, 24)), ErrTooLarge},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.data), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := Describe(path); !errors.Is(err, c.want) || hint.Of(err) == "" {
			t.Errorf("%s: got %+v, %v, want %v with a hint", name, got, err, c.want)
		}
	}
	if _, err := Describe(dir); !errors.Is(err, ErrNotImage) {
		t.Errorf("folder: %v", err)
	}
	if _, err := Describe(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}
