package metrics

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ErrDepth is what errors about files of more than 8 bits a channel wrap: the
// metrics are defined on 8 bits, and rounding is a choice of its own.
var ErrDepth = errors.New("more than 8 bits a channel")

// ReadPicture reads an image file to be scored. It refuses, beside what
// [srspace.ReadFile] refuses, files of 16 bits: [ErrDepth].
func ReadPicture(path string) (*picture.Image, error) {
	info, err := picture.Describe(path)
	if err != nil {
		return nil, err
	}
	if err := CheckDepth(path, info); err != nil {
		return nil, err
	}
	return picture.ReadFile(path)
}

// CheckDepth returns an error that wraps [ErrDepth] for a file of more than 8
// bits a channel.
func CheckDepth(path string, info picture.FileInfo) error {
	if info.Bits > 8 {
		return hint.With(fmt.Errorf("%s: %d bits: %w", path, info.Bits, ErrDepth), "convert it to 8 bits first, and say how you did in what you report")
	}
	return nil
}

// CheckChannels returns an error that wraps [ErrChannels] if one of two files
// is grey and the other has colour: one of them was converted, and nobody knows
// how. A colour file whose pixels are all grey may stand beside a grey one.
func CheckChannels(imagePath, refPath string, image, ref *picture.Image) error {
	a, err := picture.Describe(imagePath)
	if err != nil {
		return err
	}
	b, err := picture.Describe(refPath)
	if err != nil {
		return err
	}
	if a.Channels != 1 && b.Channels != 1 {
		return nil
	}
	for path, img := range map[string]*picture.Image{imagePath: image, refPath: ref} {
		if hasColour(img) {
			other := imagePath
			if path == imagePath {
				other = refPath
			}
			return hint.With(fmt.Errorf("%s has one channel, %s has colour: %w", other, path, ErrChannels), "convert both in the same way first")
		}
	}
	return nil
}

// CheckLuma returns an error that wraps [ErrChannels] if both files are grey
// and the metric of the id takes the luma of 16 to 235: toolkits leave grey
// files as they are, and that is another score.
func CheckLuma(id, imagePath, refPath string) error {
	colour, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(id, "psnr/"), "ssim/"), "/")
	if !ok || !strings.HasPrefix(colour, "y601studio") {
		return nil
	}
	for _, path := range []string{imagePath, refPath} {
		if info, err := picture.Describe(path); err != nil || info.Channels != 1 {
			return err
		}
	}
	return hint.With(fmt.Errorf("%s: %s and %s have one channel, no luma to take: %w", id, imagePath, refPath, ErrChannels),
		"toolkits compare grey files as they are: that is psnr/rgb/cropN and ssim/rgb/cropN here")
}

func hasColour(m *picture.Image) bool {
	for i := 0; i < len(m.Pix); i += 3 {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return true
		}
	}
	return false
}
