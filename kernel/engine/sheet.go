package engine

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"

	"github.com/trustsr/trustsr/srspace/picture"
)

// sheetColumns is the width of a wall: the paper's 324 samples are 18 by 18.
const sheetColumns = 18

// spriteSheet returns all images in one picture, side by side in rows of
// sheetColumns without gaps: the page shows one tile of it in each thumbnail,
// which is one request instead of hundreds. Images have the first one's size.
func spriteSheet(images []*picture.Image) image.Image {
	if len(images) == 0 {
		return image.NewNRGBA(image.Rect(0, 0, 1, 1))
	}
	w, h := images[0].Width, images[0].Height
	rows := (len(images) + sheetColumns - 1) / sheetColumns
	sheet := image.NewNRGBA(image.Rect(0, 0, sheetColumns*w, rows*h))
	for i, img := range images {
		at := image.Pt(i%sheetColumns*w, i/sheetColumns*h)
		draw.Draw(sheet, image.Rectangle{Min: at, Max: at.Add(image.Pt(w, h))}, img.NRGBA(), image.Point{}, draw.Src)
	}
	return sheet
}

// encodePNG returns the PNG of a picture made here.
func encodePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
