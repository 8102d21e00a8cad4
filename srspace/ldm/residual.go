package ldm

import (
	"fmt"
	"slices"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/imresize"
)

// resized resizes each plane of x [n, c, h, w] as MATLAB's bicubic imresize
// does, neither clipped nor rounded.
func resized(x *Tensor, scale float64) (*Tensor, error) {
	n, c, h, w := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	var out *Tensor
	plane := make([]float64, h*w)
	for i := range n * c {
		for p, v := range x.Data[i*h*w : (i+1)*h*w] {
			plane[p] = float64(v)
		}
		got, outW, outH, err := imresize.Float(plane, w, h, 1, imresize.Options{Scale: scale})
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = weights.NewTensor(n, c, outH, outW)
		}
		for p, v := range got {
			out.Data[i*outH*outW+p] = float32(v)
		}
	}
	return out, nil
}

// enlarged is the bicubic enlargement of lr [n, c, h, w] by scale, which must
// have the shape of img.
func enlarged(lr, img *Tensor, scale int) (*Tensor, error) {
	want := slices.Clone(img.Shape)
	want[2], want[3] = want[2]/scale, want[3]/scale
	if !slices.Equal(lr.Shape, want) || img.Shape[2]%scale != 0 || img.Shape[3]%scale != 0 {
		return nil, fmt.Errorf("LR pictures %v of pictures %v, ×%d", lr.Shape, img.Shape, scale)
	}
	return resized(lr, float64(scale))
}

// beyond is what a residual first stage encodes: twice the difference of img
// and the enlargement of lr.
func beyond(img, lr *Tensor, scale int) (*Tensor, error) {
	out, err := enlarged(lr, img, scale)
	if err != nil {
		return nil, err
	}
	for i, v := range out.Data {
		out.Data[i] = 2 * (img.Data[i] - v)
	}
	return out, nil
}

// addBicubic adds the enlargement of lr to img.
func addBicubic(img, lr *Tensor, scale int) error {
	up, err := enlarged(lr, img, scale)
	if err != nil {
		return fmt.Errorf("add to the LR picture: %w", err)
	}
	for i, v := range up.Data {
		img.Data[i] += v
	}
	return nil
}

// project moves img [n, c, h, w] times towards the pictures whose bicubic
// reduction is lr: img += up(lr − down(img)).
func project(img, lr *Tensor, scale, times int) error {
	for range times {
		missing, err := resized(img, 1/float64(scale))
		if err != nil {
			return fmt.Errorf("project on the LR picture: %w", err)
		}
		if !slices.Equal(missing.Shape, lr.Shape) {
			return fmt.Errorf("project pictures %v on LR pictures %v", img.Shape, lr.Shape)
		}
		for i, v := range lr.Data {
			missing.Data[i] = v - missing.Data[i]
		}
		if err := addBicubic(img, missing, scale); err != nil {
			return fmt.Errorf("project on the LR picture: %w", err)
		}
	}
	return nil
}
