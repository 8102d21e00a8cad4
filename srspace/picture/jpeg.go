package picture

import (
	"errors"
	"image"
	"image/color"
	"io"

	"github.com/trustsr/trustsr/internal/jpeg"
)

// jpegConfig reads the header of a JPEG file, in pieces that double: comments
// and thumbnails before the size can be long.
func jpegConfig(r io.Reader) (image.Config, error) {
	var data []byte
	for piece := int64(64 << 10); ; piece *= 2 {
		more, err := io.ReadAll(io.LimitReader(r, piece))
		if err != nil {
			return image.Config{}, err
		}
		data = append(data, more...)
		c, err := jpeg.DecodeConfig(data)
		if errors.Is(err, jpeg.ErrCut) && int64(len(more)) == piece && len(data) <= MaxFileBytes {
			continue
		}
		if err != nil {
			return image.Config{}, err
		}
		cfg := image.Config{Width: c.Width, Height: c.Height, ColorModel: color.YCbCrModel}
		switch c.Components {
		case 1:
			cfg.ColorModel = color.GrayModel
		case 4:
			cfg.ColorModel = color.CMYKModel
		}
		return cfg, nil
	}
}

func decodeJPEG(data []byte, _ image.Config) (*Image, error) {
	p, err := jpeg.Decode(data)
	if err != nil {
		return nil, err
	}
	if p.Channels == 1 {
		return FromGray(p.Pix, p.Width, p.Height)
	}
	return FromBytes(p.Pix, p.Width, p.Height)
}
