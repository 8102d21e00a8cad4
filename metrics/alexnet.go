package metrics

import (
	"fmt"
	"slices"

	"github.com/trustsr/trustsr/internal/weights"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// alexNetLayers are the convolutions of torchvision's AlexNet
// (Krizhevsky, "One weird trick for parallelizing convolutional neural
// networks", arXiv:1404.5997). A ReLU follows each.
var alexNetLayers = [5]struct {
	name                string
	in, out             int // channels
	kernel, stride, pad int
	maxPool             bool // 3×3, stride 2, before the convolution
}{
	{name: "features.0", in: 3, out: 64, kernel: 11, stride: 4, pad: 2},
	{name: "features.3", in: 64, out: 192, kernel: 5, stride: 1, pad: 2, maxPool: true},
	{name: "features.6", in: 192, out: 384, kernel: 3, stride: 1, pad: 1, maxPool: true},
	{name: "features.8", in: 384, out: 256, kernel: 3, stride: 1, pad: 1},
	{name: "features.10", in: 256, out: 256, kernel: 3, stride: 1, pad: 1},
}

// alexNetMinSide is the shortest side that survives both poolings.
const alexNetMinSide = 31

// featureMap is height × width × channels float32, channels last.
type featureMap struct {
	height, width, channels int
	data                    []float32
}

func newFeatureMap(height, width, channels int) featureMap {
	return featureMap{height, width, channels, make([]float32, height*width*channels)}
}

// alexNet holds, for each layer, weights of
// [kernelY, kernelX, inChannels, outChannels] and a bias of [outChannels].
type alexNet struct {
	weight, bias [5][]float32
}

// newAlexNet takes the weights by torchvision's names, in OIHW layout.
func newAlexNet(dict weights.Dict) (*alexNet, error) {
	net := &alexNet{}
	for i, l := range alexNetLayers {
		w, err := tensor(dict, l.name+".weight", l.out, l.in, l.kernel, l.kernel)
		if err != nil {
			return nil, err
		}
		if net.bias[i], err = tensor(dict, l.name+".bias", l.out); err != nil {
			return nil, err
		}
		net.weight[i] = make([]float32, len(w))
		k2 := l.kernel * l.kernel
		for o := range l.out {
			for c := range l.in {
				for k := range k2 {
					net.weight[i][(k*l.in+c)*l.out+o] = w[(o*l.in+c)*k2+k]
				}
			}
		}
	}
	return net, nil
}

// tensor returns the values of a named tensor and insists on its shape.
func tensor(dict weights.Dict, name string, shape ...int) ([]float32, error) {
	t, ok := dict[name]
	if !ok {
		return nil, fmt.Errorf("tensor %q is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %q has shape %v, want %v", name, t.Shape, shape)
	}
	return t.Data, nil
}

// features returns the five feature maps after ReLU for an input of
// [height, width, 3], both sides at least alexNetMinSide.
func (net *alexNet) features(x featureMap) [5]featureMap {
	var maps [5]featureMap
	for i, l := range alexNetLayers {
		if l.maxPool {
			x = maxPool(x)
		}
		x = convReLU(x, net.weight[i], net.bias[i], l.kernel, l.stride, l.pad)
		maps[i] = x
	}
	return maps
}

// patchRows bounds how many output positions are unrolled at a time, so that
// memory does not grow with the picture.
const patchRows = 2048

// convReLU is a convolution with zero padding and a ReLU, as a matrix product
// of unrolled patches [positions, kernel·kernel·in] and weights
// [kernel·kernel·in, out]. Each output is one sum in a fixed order, so the
// result does not depend on the number of cores.
func convReLU(x featureMap, weight, bias []float32, kernel, stride, pad int) featureMap {
	out := newFeatureMap((x.height+2*pad-kernel)/stride+1, (x.width+2*pad-kernel)/stride+1, len(bias))
	positions, depth := out.height*out.width, kernel*kernel*x.channels
	patches := make([]float32, min(positions, patchRows)*depth)
	for start := 0; start < positions; start += patchRows {
		n := min(patchRows, positions-start)
		for p := range n {
			y, col := (start+p)/out.width, (start+p)%out.width
			unroll(patches[p*depth:(p+1)*depth], x, y*stride-pad, col*stride-pad, kernel)
		}
		dst := out.data[start*out.channels : (start+n)*out.channels]
		for p := range n {
			copy(dst[p*out.channels:], bias)
		}
		gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, n, out.channels, depth,
			1, patches, depth, weight, out.channels, 1, dst, out.channels)
	}
	for i, v := range out.data {
		out.data[i] = max(v, 0)
	}
	return out
}

// unroll copies the kernel × kernel patch of x whose upper left corner is
// (left, top), zeros outside.
func unroll(dst []float32, x featureMap, top, left, kernel int) {
	run := kernel * x.channels
	first, last := max(0, -left), min(kernel, x.width-left) // columns inside
	for k := range kernel {
		row := dst[k*run : (k+1)*run]
		y := top + k
		if y < 0 || y >= x.height || first >= last {
			clear(row)
			continue
		}
		clear(row[:first*x.channels])
		clear(row[last*x.channels:])
		copy(row[first*x.channels:last*x.channels], x.data[(y*x.width+left+first)*x.channels:])
	}
}

// maxPool is 3×3 with stride 2, without padding.
func maxPool(x featureMap) featureMap {
	out := newFeatureMap((x.height-3)/2+1, (x.width-3)/2+1, x.channels)
	for y := range out.height {
		for col := range out.width {
			dst := out.data[(y*out.width+col)*x.channels:][:x.channels]
			for k := range 9 {
				src := x.data[((2*y+k/3)*x.width+2*col+k%3)*x.channels:][:x.channels]
				for c, v := range src {
					if k == 0 || v > dst[c] {
						dst[c] = v
					}
				}
			}
		}
	}
	return out
}
