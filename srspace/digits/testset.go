package digits

import (
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/digits/internal/mnist"
	"github.com/trustsr/trustsr/srspace/picture"

	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/trustsr/trustsr/srspace/imresize"
)

//go:embed data/t10k-images-idx3-ubyte.gz
var testImages []byte

//go:embed data/t10k-labels-idx1-ubyte.gz
var testLabels []byte

var testSet = sync.OnceValues(func() (*mnist.Set, error) { return mnist.Parse(testImages, testLabels) })

// Side is the height and width of a digit in pixels, LRSide of its LR picture,
// Scale the ratio.
const (
	Side   = mnist.Side
	LRSide = 7
	Scale  = 4
)

// TestCount is the number of digits in MNIST's test set.
const TestCount = 10_000

// TestDigit returns digit i of MNIST's test set, 28×28 grey, white on black,
// and what the person who wrote it meant. It was not seen in training.
func TestDigit(i int) (hr *picture.Image, label int, err error) {
	s, err := testSet()
	if err != nil {
		return nil, 0, fmt.Errorf("embedded MNIST test set: %w", err)
	}
	if i < 0 || i >= s.N {
		return nil, 0, hint.With(fmt.Errorf("test digit %d does not exist", i), fmt.Sprintf("the test set has digits 0 to %d", s.N-1))
	}
	hr, err = picture.FromGray(s.Image(i), Side, Side)
	return hr, int(s.Labels[i]), err
}

// LR returns the 7×7 picture of a 28×28 digit by the degradation model:
// MATLAB's bicubic imresize of 8-bit pixels, ×1/4.
func LR(hr *picture.Image) (*picture.Image, error) { return imresize.Downscale(hr, Scale) }

// FindLR returns the LR picture of the test digit whose Image.Hash begins
// with prefix, or nil. It looks through all of them, in about a second.
func FindLR(prefix string) *picture.Image {
	for i := range TestCount {
		hr, _, err := TestDigit(i)
		if err != nil {
			return nil
		}
		if lr, err := LR(hr); err == nil && strings.HasPrefix(lr.Hash(), prefix) {
			return lr
		}
	}
	return nil
}
