package picture

import (
	"fmt"
	"image/color"
	"io"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// FileInfo is what an image file stores, which [Decode] turns into 8-bit RGB.
type FileInfo struct {
	Format        string      // "png", "jpeg", "gif", "bmp", "tiff" or "webp"
	Width, Height int         // in pixels, of the upright picture that Decode returns
	Channels      int         // of colour: 1 for grey, 3 otherwise; alpha does not count
	Bits          int         // a channel: 8 or 16
	Orientation   Orientation // that Decode follows
}

// Decoder names whose values Decode gives where a format leaves room for
// several; "" where it does not. Lossless WebP files are named too.
func (f FileInfo) Decoder() string {
	switch f.Format {
	case "jpeg":
		return "libjpeg-turbo's values (islow, fancy upsampling)"
	case "webp":
		return "libwebp's values (fancy upsampling)"
	}
	return ""
}

// TurnedNote says in one line that Decode turns a file's picture; "" if it
// does not.
func (f FileInfo) TurnedNote(path string) string {
	if s := f.Orientation.String(); s != "" {
		return fmt.Sprintf("%s: %s, as its EXIF orientation %d says", filepath.Base(path), s, f.Orientation)
	}
	return ""
}

// Describe reads the header of the image file at path. It refuses what
// [Decode] refuses for its header: files that are no image, too large, in CMYK.
func Describe(path string) (FileInfo, error) {
	f, _, err := inputfile.Open(path, MaxFileBytes)
	if err != nil {
		return FileInfo{}, openError(path, err)
	}
	defer f.Close()
	info, err := describe(f)
	if err != nil {
		return FileInfo{}, fmt.Errorf("%s: %w", path, err)
	}
	return info, nil
}

func describe(r interface {
	io.ReadSeeker
	io.ReaderAt
}) (info FileInfo, err error) {
	head := make([]byte, inputfile.LFSBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return FileInfo{}, fmt.Errorf("read image: %w", err)
	}
	if n == 0 {
		return FileInfo{}, hint.With(fmt.Errorf("%w: it is empty (0 bytes)", ErrNotImage), "was the copy or download interrupted? fetch it again")
	}
	format, err := sniff(head[:n])
	if err != nil {
		return FileInfo{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return FileInfo{}, fmt.Errorf("read image: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			info, err = FileInfo{}, format.damaged(fmt.Errorf("%s: %v", format.name, p))
		}
	}()
	cfg, err := format.checkedConfig(r)
	if err != nil {
		return FileInfo{}, err
	}
	info = FileInfo{Format: format.name, Width: cfg.Width, Height: cfg.Height, Channels: 3, Bits: 8, Orientation: format.orientation(r)}
	if info.Orientation.turned() {
		info.Width, info.Height = info.Height, info.Width
	}
	switch cfg.ColorModel {
	case color.GrayModel:
		info.Channels = 1
	case color.Gray16Model:
		info.Channels, info.Bits = 1, 16
	case color.RGBA64Model, color.NRGBA64Model:
		info.Bits = 16
	}
	return info, nil
}
