package picture

import (
	"fmt"
	"image/color"
	"io"
	"os"

	"github.com/trustsr/trustsr/internal/hint"
)

// FileInfo is what an image file stores, which [Decode] turns into 8-bit RGB.
type FileInfo struct {
	Format        string // "png", "jpeg", "gif", "bmp", "tiff" or "webp"
	Width, Height int    // in pixels
	Channels      int    // of colour: 1 for grey, 3 otherwise; alpha does not count
	Bits          int    // a channel: 8 or 16
}

// Describe reads the header of the image file at path. It refuses what
// [Decode] refuses for its header: files that are no image, too large, in CMYK.
func Describe(path string) (FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return FileInfo{}, hint.With(fmt.Errorf("read image: %w", err), "check the path, and that you may read the file")
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return FileInfo{}, fmt.Errorf("read image: %w", err)
	}
	if stat.IsDir() {
		return FileInfo{}, hint.With(fmt.Errorf("%s: %w: it is a folder", path, ErrNotImage), "name one file in it")
	}
	if stat.Size() > MaxFileBytes {
		return FileInfo{}, hint.With(fmt.Errorf("%s: %w: more than %d MiB of file", path, ErrTooLarge, MaxFileBytes>>20), "crop it first")
	}
	info, err := describe(f)
	if err != nil {
		return FileInfo{}, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

func describe(r io.ReadSeeker) (info FileInfo, err error) {
	head := make([]byte, 16)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return FileInfo{}, fmt.Errorf("read image: %w", err)
	}
	if n == 0 {
		return FileInfo{}, hint.With(fmt.Errorf("%w: it is empty (0 bytes)", ErrNotImage), "was the copy or download interrupted? fetch it again")
	}
	format, ok := sniff(head[:n])
	if !ok {
		return FileInfo{}, hint.With(ErrNotImage, formatsHint+", whatever the file is called")
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return FileInfo{}, fmt.Errorf("read image: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			info, err = FileInfo{}, format.damaged(fmt.Errorf("%s: %v", format.name, p))
		}
	}()
	cfg, err := format.config(r)
	if err != nil {
		return FileInfo{}, format.damaged(err)
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return FileInfo{}, err
	}
	info = FileInfo{Format: format.name, Width: cfg.Width, Height: cfg.Height, Channels: 3, Bits: 8}
	switch cfg.ColorModel {
	case color.CMYKModel:
		return FileInfo{}, hint.With(fmt.Errorf("%w: %s in CMYK colour", ErrUnsupported, format.name), "convert it to RGB with its colour profile first")
	case color.GrayModel:
		info.Channels = 1
	case color.Gray16Model:
		info.Channels, info.Bits = 1, 16
	case color.RGBA64Model, color.NRGBA64Model:
		info.Bits = 16
	}
	return info, nil
}
