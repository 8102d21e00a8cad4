package engine

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/trustsr/trustsr/kernel/engine/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
)

// named is a picture with what is written below it.
type named struct {
	image   *srspace.Image
	caption string
}

func figureOf(img image.Image, caption string) (*wire.Figure, error) {
	data, err := encodePNG(img)
	return &wire.Figure{PNG: data, Caption: caption, Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}, err
}

func rowFigure(row []named, caption string) (*wire.Figure, error) {
	var images []*srspace.Image
	for _, n := range row {
		images = append(images, n.image)
	}
	img := image.NewNRGBA(image.Rect(0, 0, 120*len(row), 120))
	for i, m := range images {
		draw.Draw(img, image.Rect(120*i, 0, 120*i+112, 112), m.NRGBA(), image.Point{}, draw.Src)
	}
	return figureOf(img, caption)
}

func wallFigure(images []*srspace.Image, framed []int, caption string) (*wire.Figure, error) {
	return figureOf(spriteSheet(images), caption)
}

func planeFigure(x, y []float64, samples int, marks []mark, xi, yi metrics.Info, caption string) (*wire.Figure, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 300, 300))
	img.Set(1, 1, color.White)
	return figureOf(img, caption)
}
