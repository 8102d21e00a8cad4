package ensemble

import (
	"fmt"
	"math"
	"slices"

	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Median returns the pixel-wise median of the 8-bit pixels of images, for an
// even number the mean of the middle two. A departure from the paper, which
// averages: one deviating sample does not blur it, and where samples disagree
// it takes the side of the majority. It fails with an error that wraps
// [ErrEmpty] or [ErrSize].
func Median(images []*picture.Image) (*picture.Image, error) {
	if err := sameSize(images); err != nil {
		return nil, fmt.Errorf("median: %w", err)
	}
	values := make([][]byte, len(images))
	for i, m := range images {
		values[i] = m.Bytes()
	}
	out := picture.NewImage(images[0].Width, images[0].Height)
	column := make([]byte, len(images))
	low, high := (len(column)-1)/2, len(column)/2
	for j := range out.Pix {
		for i, v := range values {
			column[i] = v[j]
		}
		slices.Sort(column)
		out.Pix[j] = level(uint64(column[low])+uint64(column[high]), 2)
	}
	return out, nil
}

// WeightedMean returns the pixel-wise mean of the 8-bit pixels of images with
// weights, such as their votes: a departure from the paper, which weighs the
// chosen equally. Equal weights give [Mean]. It fails when weights and images
// differ in number, a weight is negative or above 2³², or all are 0, and with
// an error that wraps [ErrEmpty] or [ErrSize].
func WeightedMean(images []*picture.Image, weights []int) (*picture.Image, error) {
	if err := sameSize(images); err != nil {
		return nil, fmt.Errorf("weighted mean: %w", err)
	}
	if len(weights) != len(images) {
		return nil, fmt.Errorf("weighted mean: %d weights of %d images", len(weights), len(images))
	}
	var total uint64
	sums := make([]uint64, len(images[0].Pix))
	for i, w := range weights {
		if w < 0 || w > 1<<32 {
			return nil, fmt.Errorf("weighted mean: weight %d of image %d", w, i)
		}
		total += uint64(w)
		for j, b := range images[i].Bytes() {
			sums[j] += uint64(w) * uint64(b)
		}
	}
	if total == 0 {
		return nil, fmt.Errorf("weighted mean: all weights are 0")
	}
	out := picture.NewImage(images[0].Width, images[0].Height)
	for j, sum := range sums {
		out.Pix[j] = level(sum, total)
	}
	return out, nil
}

// Consistency scores how well an image, seen through the degradation model,
// agrees with the LR image it was made from, such as LR-PSNR in dB.
type Consistency func(image, lr *picture.Image) (float64, error)

// Projection is an ensemble made consistent with its LR image.
type Projection struct {
	Image      *picture.Image
	Iterations int
	Residual   float64 // largest |LR - degraded image| of a value, in [0,1]

	// Before and After are the consistency of the image given and of Image.
	Before, After float64
}

// Departure is the sentence that has to stand beside a projected image.
const Departure = "Projected onto the LR image by back-projection: a departure from the paper, which averages only."

// Project moves an image towards the set of images that the degradation model
// (MATLAB's bicubic imresize by 1/factor) turns into lr, by iterative
// back-projection: x ← x + U(lr - D(x)), U the bicubic enlargement, clipped
// to [0,1] each time (Irani and Peleg, "Improving resolution by image
// registration", 1991). It stops when D(x) is within half a level of 8 bits
// of lr, which degraded to 8 bits is equal to it but for rounding in between,
// or after the given iterations. D and U work on real numbers. The paper does
// not do this: see [Departure].
//
// The image has to have lr's size times the factor, up to the factor less one
// pixel on each side; otherwise the error wraps [ErrSize].
func Project(img, lr *picture.Image, factor, iterations int, consistency Consistency) (*Projection, error) {
	if err := sameSize([]*picture.Image{img}); err != nil {
		return nil, fmt.Errorf("project: %w", err)
	}
	if factor < 2 || iterations < 1 {
		return nil, fmt.Errorf("project by factor %d in %d iterations", factor, iterations)
	}
	if up := func(n int) int { return (n + factor - 1) / factor }; up(img.Width) != lr.Width || up(img.Height) != lr.Height {
		return nil, fmt.Errorf("project: image of %d×%d, LR image of %d×%d, factor %d: %w",
			img.Width, img.Height, lr.Width, lr.Height, factor, ErrSize)
	}
	before, err := consistency(img, lr)
	if err != nil {
		return nil, fmt.Errorf("consistency before projection: %w", err)
	}
	p := &Projection{Before: before}
	x, y := unit(img), unit(lr)
	residual := make([]float64, len(y))
	for p.Iterations = 0; ; p.Iterations++ {
		down, w, h, err := imresize.Float(x, img.Width, img.Height, 3, imresize.Options{Scale: 1 / float64(factor)})
		if err != nil {
			return nil, fmt.Errorf("project: degrade: %w", err)
		}
		if w != lr.Width || h != lr.Height {
			return nil, fmt.Errorf("project: degraded to %d×%d, LR image of %d×%d: %w", w, h, lr.Width, lr.Height, ErrSize)
		}
		p.Residual = 0
		for j := range residual {
			residual[j] = y[j] - down[j]
			p.Residual = max(p.Residual, math.Abs(residual[j]))
		}
		if p.Residual < 0.5/255 || p.Iterations == iterations {
			break
		}
		up, _, _, err := imresize.Float(residual, lr.Width, lr.Height, 3, imresize.Options{Width: img.Width, Height: img.Height})
		if err != nil {
			return nil, fmt.Errorf("project: enlarge: %w", err)
		}
		for j := range x {
			x[j] = min(1, max(0, x[j]+up[j]))
		}
	}
	p.Image = picture.NewImage(img.Width, img.Height)
	for j, v := range x {
		p.Image.Pix[j] = float32(v)
	}
	if p.After, err = consistency(p.Image, lr); err != nil {
		return nil, fmt.Errorf("consistency after projection: %w", err)
	}
	return p, nil
}

// unit returns the pixels as float64, clamped to [0,1], NaN as 0.
func unit(m *picture.Image) []float64 {
	out := make([]float64, len(m.Pix))
	for j, v := range m.Pix {
		if v > 0 {
			out[j] = min(1, float64(v))
		}
	}
	return out
}
