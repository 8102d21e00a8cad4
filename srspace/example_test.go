package srspace_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"os"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// flat is a sampler of pictures of one grey level, which the seed decides.
type flat struct{}

func (flat) Recipe() srspace.Recipe {
	return srspace.Recipe{
		Model: "flat", Method: "none", Scale: 4, Steps: 1, RNG: srspace.RNG,
		// A sampler without weights: the SHA-256 of no bytes.
		Weights: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}
}

func (flat) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		for _, seed := range seeds {
			m := picture.NewImage(4*lr.Width, 4*lr.Height)
			for i := range m.Pix {
				m.Pix[i] = float32(seed) / 255
			}
			if !yield(srspace.Sample{Seed: seed, Image: m}, nil) {
				return
			}
		}
	}
}

func ExampleSpace() {
	dir, err := os.MkdirTemp("", "space")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	lr := picture.NewImage(7, 7)
	space, err := srspace.Create(dir, lr, flat{}.Recipe(), 100)
	if err != nil {
		log.Fatal(err)
	}
	err = space.Draw(context.Background(), flat{}, 2, func(done, total int) {
		fmt.Printf("%d of %d\n", done, total)
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, seed := range space.Seeds() {
		m, err := space.Image(seed)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d×%d of grey %d: %s\n", m.Width, m.Height, m.Bytes()[0], space.Address(seed))
	}
	// Output:
	// 0 of 2
	// 1 of 2
	// 2 of 2
	// 28×28 of grey 100: flat@e3b0c44298fc/lr@cb64b29c2eb3/none-1-eta0/seed/100
	// 28×28 of grey 101: flat@e3b0c44298fc/lr@cb64b29c2eb3/none-1-eta0/seed/101
}

func ExampleParseAddress() {
	a, err := srspace.ParseAddress("digits@0123456789ab/lr@fedcba987654/ddim-50-eta1/seed/17")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Model, a.Method, a.Steps, a.Eta, a.Seed)
	// Output: digits ddim 50 1 17
}
