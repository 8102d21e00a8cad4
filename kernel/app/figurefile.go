package app

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/trustsr/trustsr/srspace/picture"
)

// FigureFile is a figure as a PNG file with a note in it, such as that votes
// are simulated ([ensemble.SimulatedNote]).
func FigureFile(figure image.Image, note string) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, figure); err != nil {
		return nil, fmt.Errorf("figure: %w", err)
	}
	return picture.WithNote(b.Bytes(), note)
}

// PictureFile is a picture as a PNG file, pixel by pixel as it is, with a note
// in the file.
func PictureFile(img *picture.Image, note string) ([]byte, error) {
	var b bytes.Buffer
	if err := img.EncodePNG(&b); err != nil {
		return nil, err
	}
	return picture.WithNote(b.Bytes(), note)
}
