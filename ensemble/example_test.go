package ensemble_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Three samples of the SR space of a digit, and their mean.
func ExampleMean_samples() {
	model, err := digits.Open("") // the fastest backend of this machine
	if err != nil {
		log.Fatal(err)
	}
	hr, _, err := digits.TestDigit(497)
	if err != nil {
		log.Fatal(err)
	}
	lr, err := digits.LR(hr)
	if err != nil {
		log.Fatal(err)
	}
	var images []*picture.Image
	for sample, err := range model.Sample(context.Background(), lr, []uint64{1, 2, 3}) {
		if err != nil {
			log.Fatal(err)
		}
		images = append(images, sample.Image)
	}
	mean, err := ensemble.Mean(images)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d samples, a mean of %d×%d pixels\n", len(images), mean.Width, mean.Height)
}
