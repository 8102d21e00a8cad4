package natural_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trustsr/trustsr/srspace/natural"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Samples of an LR picture are four times as wide and high.
func Example() {
	m, err := natural.Open("go")
	if err != nil {
		log.Fatal(err)
	}
	lr := picture.NewImage(20, 12)
	if err := m.Suit(lr.Width, lr.Height, 2); err != nil {
		log.Fatal(err)
	}
	m.Steps = 2 // of 50
	for s, err := range m.Sample(context.Background(), lr, []uint64{1, 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("seed", s.Seed, s.Image.Width, "×", s.Image.Height)
	}
	// Output:
	// seed 1 80 × 48
	// seed 2 80 × 48
}
