package natural

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

//go:embed training/kodak-crops.tsv
var kodakCrops string

//go:embed training/heldout-crops.tsv
var heldOutCrops string

// Crop is a square part of a picture that the model was not trained on.
type Crop struct {
	Name      string
	File      string // base name
	By        int    // the picture is first reduced by this, with Pillow's Lanczos
	Left, Top int    // of the reduced picture
	Side      int
}

// KodakCrops are the 24 crops of Kodak's pictures that training is watched on:
// of four chosen by chance of each picture, the busiest.
func KodakCrops() []Crop { return crops(kodakCrops) }

// HeldOutCrops are crops of freely licensed photographs that were kept from
// training, chosen before it ended.
func HeldOutCrops() []Crop { return crops(heldOutCrops) }

// crops reads a table that is part of the program.
func crops(table string) []Crop {
	r := csv.NewReader(strings.NewReader(table))
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		panic(err)
	}
	var out []Crop
	for _, row := range rows[1:] {
		c := Crop{By: 1}
		for i, column := range rows[0] {
			switch column {
			case "name":
				c.Name = row[i]
			case "file":
				c.File = row[i]
			case "by":
				c.By = number(row[i])
			case "left":
				c.Left = number(row[i])
			case "top":
				c.Top = number(row[i])
			case "side":
				c.Side = number(row[i])
			}
		}
		if c.Name == "" {
			c.Name = strings.TrimSuffix(c.File, filepath.Ext(c.File))
		}
		out = append(out, c)
	}
	return out
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// Read cuts the crop out of its file in a folder.
func (c Crop) Read(folder string) (*picture.Image, error) {
	img, err := picture.ReadFile(filepath.Join(folder, c.File))
	if err != nil {
		return nil, err
	}
	if c.By > 1 {
		w, h := img.Width/c.By, img.Height/c.By
		pixels, err := imresize.Pillow(img.Bytes(), img.Width, img.Height, 3, w, h, imresize.PillowLanczos)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
		if img, err = picture.FromBytes(pixels, w, h); err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
	}
	if c.Left+c.Side > img.Width || c.Top+c.Side > img.Height {
		return nil, fmt.Errorf("%s is %d×%d after reduction by %d: no %d pixels from (%d, %d)", c.File, img.Width, img.Height, c.By, c.Side, c.Left, c.Top)
	}
	return img.Crop(c.Left, c.Top, c.Side, c.Side), nil
}
