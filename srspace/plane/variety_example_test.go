package plane_test

import (
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"github.com/trustsr/trustsr/srspace/variety"
)

// strokes returns 40 pictures of 14×14 pixels: upright and level strokes, here
// and there, of different brightness.
func strokes() []*picture.Image {
	noise := make([]float32, 3)
	var out []*picture.Image
	for seed := range uint64(40) {
		srspace.Noise(noise, 3, uint32(seed))
		m := picture.NewImage(14, 14)
		at := min(max(int(7+2*noise[0]), 0), 12)
		for along := 1; along < 13; along++ {
			for across := at; across < at+2; across++ {
				x, y := across, along
				if seed%3 == 0 {
					x, y = along, across
				}
				for c := range 3 {
					m.Pix[3*(y*14+x)+c] = min(0.8+0.1*noise[1], 1)
				}
			}
		}
		out = append(out, m)
	}
	return out
}

func strokeSet() *variety.Set {
	set, err := variety.New(strokes())
	if err != nil {
		log.Fatal(err)
	}
	return set
}

func ExampleHeat_Row() {
	set := strokeSet()
	spread, err := set.Spread()
	if err != nil {
		log.Fatal(err)
	}
	components, err := set.Components(1)
	if err != nil {
		log.Fatal(err)
	}
	heat := plane.Heat{Width: spread.Width, Height: spread.Height, Values: spread.Std, Label: "disagreement", Unit: "levels"}
	img, err := heat.Row([]string{"a sample", "mean of all"}, []*picture.Image{strokes()[0], components.MeanImage()})
	if err != nil {
		log.Fatal(err)
	}
	save("heat.png", img)
	fmt.Println("ok")
	// Output: ok
}

func ExampleGrid() {
	components, err := strokeSet().Components(2)
	if err != nil {
		log.Fatal(err)
	}
	var names [][]string
	var rows [][]*picture.Image
	for i, d := range components.Directions {
		names = append(names, []string{fmt.Sprintf("direction %d", i+1), fmt.Sprintf("%.0f %% of variance", 100*d.Share)})
		rows = append(rows, []*picture.Image{components.At(i, -2), components.MeanImage(), components.At(i, 2)})
	}
	img, err := plane.Grid([]string{"mean − 2σ", "mean", "mean + 2σ"}, names, rows)
	if err != nil {
		log.Fatal(err)
	}
	save("grid.png", img)
	fmt.Println("ok")
	// Output: ok
}

func ExampleDendrogram() {
	images, set := strokes(), strokeSet()
	tree := set.Cluster(variety.Ward)
	clusters, err := tree.Cut(5)
	if err != nil {
		log.Fatal(err)
	}
	above, err := tree.Above(5)
	if err != nil {
		log.Fatal(err)
	}
	var names [][]string
	var rows [][]*picture.Image
	for c, members := range clusters {
		names = append(names, []string{fmt.Sprintf("cluster %d", c+1), fmt.Sprintf("%d of %d", len(members), len(images))})
		row := []*picture.Image{images[set.Medoid(members)]}
		for _, i := range members[:min(4, len(members))] {
			row = append(row, images[i])
		}
		rows = append(rows, row)
	}
	img, err := plane.Dendrogram(above, "Ward distance, levels", names, rows)
	if err != nil {
		log.Fatal(err)
	}
	save("dendrogram.png", img)
	fmt.Println("ok")
	// Output: ok
}

func ExampleLabelled() {
	images := strokes()
	few, err := strokeSet().Diverse(6)
	if err != nil {
		log.Fatal(err)
	}
	var labels []string
	var chosen []*picture.Image
	for _, i := range few.Samples {
		labels, chosen = append(labels, fmt.Sprintf("sample %d", i)), append(chosen, images[i])
	}
	img, err := plane.Labelled(labels, chosen, 4)
	if err != nil {
		log.Fatal(err)
	}
	save("labelled.png", img)
	fmt.Println("ok")
	// Output: ok
}

func TestHeatGolden(t *testing.T)       { golden(t, ExampleHeat_Row, "heat.png") }
func TestGridGolden(t *testing.T)       { golden(t, ExampleGrid, "grid.png") }
func TestDendrogramGolden(t *testing.T) { golden(t, ExampleDendrogram, "dendrogram.png") }
func TestLabelledGolden(t *testing.T)   { golden(t, ExampleLabelled, "labelled.png") }

func TestVarietyPictureErrors(t *testing.T) {
	small, other := picture.NewImage(2, 2), picture.NewImage(3, 2)
	tree := strokeSet().Cluster(variety.Ward)
	two, err := tree.Above(2)
	if err != nil {
		t.Fatal(err)
	}
	one := [][]*picture.Image{{small}}
	for name, c := range map[string]struct {
		do   func() error
		want error // nil: any
	}{
		"no grid": {func() error { _, err := plane.Grid(nil, nil, nil); return err }, plane.ErrEmpty},
		"grid of two sizes": {func() error {
			_, err := plane.Grid(nil, [][]string{{"a"}}, [][]*picture.Image{{small, other}})
			return err
		}, plane.ErrSize},
		"grid of empty":             {func() error { _, err := plane.Grid(nil, [][]string{{"a"}}, [][]*picture.Image{{{}}}); return err }, plane.ErrSize},
		"grid with few rows":        {func() error { _, err := plane.Grid(nil, nil, one); return err }, nil},
		"grid with few columns":     {func() error { _, err := plane.Grid([]string{}, [][]string{{"a"}}, one); return err }, nil},
		"nothing labelled":          {func() error { _, err := plane.Labelled(nil, nil, 3); return err }, plane.ErrEmpty},
		"no column":                 {func() error { _, err := plane.Labelled([]string{"a"}, one[0], 0); return err }, nil},
		"dendrogram with few names": {func() error { _, err := plane.Dendrogram(two, "", nil, one); return err }, plane.ErrEmpty},
		"dendrogram with a bare leaf": {func() error {
			_, err := plane.Dendrogram(two, "", [][]string{{"a"}, {"b"}}, [][]*picture.Image{{}, {small}})
			return err
		}, plane.ErrEmpty},
		"heat of another size": {func() error { _, err := (&plane.Heat{Width: 2, Height: 2}).Row(nil, nil); return err }, plane.ErrSize},
		"heat below zero": {func() error {
			_, err := (&plane.Heat{Width: 1, Height: 1, Values: []float64{-1}}).Row(nil, nil)
			return err
		}, nil},
	} {
		if err := c.do(); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	// Samples that all agree have a map too.
	if _, err := (&plane.Heat{Width: 1, Height: 1, Values: []float64{0}}).Row(nil, nil); err != nil {
		t.Error(err)
	}
}
