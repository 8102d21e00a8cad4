package pages

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Sheet returns pictures of one size in one, side by side in rows of so many
// columns without gaps: a page shows a tile of it in each place, which is one
// request instead of hundreds. A sheet of grey pictures has one channel, a
// quarter of the work. It carries pixels and nothing of where they came from.
func Sheet(images []*picture.Image, columns int) image.Image {
	if len(images) == 0 {
		return image.NewNRGBA(image.Rect(0, 0, 1, 1))
	}
	w, h := images[0].Width, images[0].Height
	bounds := image.Rect(0, 0, columns*w, (len(images)+columns-1)/columns*h)
	at := func(i int) image.Point { return image.Pt(i%columns*w, i/columns*h) }
	for _, img := range images {
		if !grey(img) {
			sheet := image.NewNRGBA(bounds)
			for i, img := range images {
				draw.Draw(sheet, image.Rectangle{Min: at(i), Max: at(i).Add(image.Pt(w, h))}, img.NRGBA(), image.Point{}, draw.Src)
			}
			return sheet
		}
	}
	sheet := image.NewGray(bounds)
	for i, img := range images {
		rgb := img.Bytes()
		for y := range h {
			row := sheet.Pix[sheet.PixOffset(at(i).X, at(i).Y+y):]
			for x := range w {
				row[x] = rgb[3*(y*w+x)]
			}
		}
	}
	return sheet
}

// grey reports whether every pixel has three equal channels.
func grey(img *picture.Image) bool {
	for i := 0; i < len(img.Pix); i += 3 {
		if img.Pix[i] != img.Pix[i+1] || img.Pix[i] != img.Pix[i+2] {
			return false
		}
	}
	return true
}

// PNG encodes a picture made here, for speed rather than size.
func PNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	quick := png.Encoder{CompressionLevel: png.BestSpeed} // a room asks at the same moment
	err := quick.Encode(&b, img)
	return b.Bytes(), err
}
