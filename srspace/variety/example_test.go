package variety_test

import (
	"fmt"
	"log"

	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/variety"
)

// strokes returns pictures of 9 × 9 pixels: seven of an upright stroke of
// different brightness, and two of a level one.
func strokes() []*picture.Image {
	var out []*picture.Image
	for i := range 9 {
		m := picture.NewImage(9, 9)
		for k := range 9 {
			at := 9*k + 4
			if i >= 7 {
				at = 9*4 + k
			}
			for c := range 3 {
				m.Pix[3*at+c] = float32(200+5*i) / 255
			}
		}
		out = append(out, m)
	}
	return out
}

func Example() {
	set, err := variety.New(strokes())
	if err != nil {
		log.Fatal(err)
	}
	spread, err := set.Spread()
	if err != nil {
		log.Fatal(err)
	}
	level, x, y := spread.Max()
	fmt.Printf("pixel (%d,%d) differs most, by %.0f levels\n", x, y, level)

	components, err := set.Components(2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("one direction holds %.0f %% of the variance\n", 100*components.Directions[0].Share)

	clusters, err := set.Cluster(variety.Ward).Cut(2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("clusters", clusters)
	// Output:
	// pixel (0,4) differs most, by 105 levels
	// one direction holds 100 % of the variance
	// clusters [[0 1 2 3 4 5 6] [7 8]]
}

func ExampleSet_Diverse() {
	set, err := variety.New(strokes())
	if err != nil {
		log.Fatal(err)
	}
	few, err := set.Diverse(2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("samples %v: every other is within %.1f levels of one of them\n", few.Samples, few.Radius)
	fmt.Printf("no two pictures do that within less than %.1f\n", few.Bound())
	// Output:
	// samples [2 8]: every other is within 6.7 levels of one of them
	// no two pictures do that within less than 3.3
}
