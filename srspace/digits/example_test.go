package digits_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trustsr/trustsr/srspace/digits"
)

// Draw two samples of the SR space of a 7×7 digit and read them.
func Example() {
	model, err := digits.Open("") // the fastest backend this machine has
	if err != nil {
		log.Fatal(err)
	}
	hr, _, err := digits.TestDigit(0)
	if err != nil {
		log.Fatal(err)
	}
	lr, err := digits.LR(hr)
	if err != nil {
		log.Fatal(err)
	}
	for sample, err := range model.Sample(context.Background(), lr, []uint64{1, 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("seed %d: %d×%d pixels\n", sample.Seed, sample.Image.Width, sample.Image.Height)
	}
	// Output:
	// seed 1: 28×28 pixels
	// seed 2: 28×28 pixels
}
