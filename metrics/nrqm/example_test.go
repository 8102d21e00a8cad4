package nrqm_test

import (
	"fmt"

	"github.com/trustsr/trustsr/metrics/nrqm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Rings around the middle, from coarse to fine.
func ExampleCompute() {
	img := picture.NewImage(96, 96)
	for i := range img.Pix {
		x, y := i/3%96-48, i/3/96-48
		if (x*x+y*y)/200%2 == 0 {
			img.Pix[i] = 1
		}
	}
	f, err := nrqm.Compute(img)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d + %d + %d features\n", len(f.DCT), len(f.GSM), len(f.PCA))
	fmt.Printf("largest singular value %.2f\n", f.PCA[0])
	// Output:
	// 18 + 45 + 75 features
	// largest singular value 52.77
}
