package metrics

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/srspace/picture"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/trustsr/trustsr/internal/nn"
)

// Strides of PieAPP's patches.
const (
	SparseStride = 27 // default of pyiqa and piq: 9 patches of a 128×128 picture
	DenseStride  = 6  // what the authors recommend: 121 patches
)

// PieAPPMetric is the Perceptual Image-Error Assessment through Pairwise
// Preference of Prashnani et al. (CVPR 2018), version 0.1: the weighted mean
// of errors of 64×64 patches, by a network trained on preferences. Lower is
// better; equal pictures do not have 0 in general. Patches lie on a grid of
// the given stride from the top left corner; a rest at the right and at the
// bottom is left out unless Border asks for it, and the authors' script, which
// shifts patches at some sizes, is not followed there.
//
// The network sees BGR from 0 to 255, as the authors' does. Its weights are
// for non-commercial use and do not ship: scores are errors that wrap
// [ErrNoWeights] until they are there. Scores are within 1e-4·value + 1e-5 of
// the authors' network in float64.
type PieAPPMetric struct {
	Stride int // pixels, 1 to 64; 0 is SparseStride

	// Border adds a last row and a last column of patches along the right and
	// the bottom edge where the grid does not end there: another score,
	// "pieapp/27/border".
	Border bool
}

// patchSide is the side of a patch in pixels.
const patchSide = 64

func (m PieAPPMetric) id() string {
	id := "pieapp/" + strconv.Itoa(m.stride())
	if m.Border {
		id += "/border"
	}
	return id
}

func findPieAPP(id string) (Metric, error) {
	rest, ok := strings.CutPrefix(id, "pieapp/")
	rest, border := strings.CutSuffix(rest, "/border")
	n, err := strconv.Atoi(rest)
	m := PieAPPMetric{Stride: n, Border: border}
	if !ok || err != nil || n < 1 || n > patchSide || m.id() != id {
		return nil, nil
	}
	return m, nil
}

func (m PieAPPMetric) stride() int {
	if m.Stride == 0 {
		return SparseStride
	}
	return m.Stride
}

// pieAPPConvs are the output channels of the 3×3 convolutions conv1 … conv11.
// A ReLU follows each; every second one is pooled, from conv2 on, and the odd
// ones from conv3 on are compared.
var pieAPPConvs = []int{64, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512}

// Sizes of what the heads see of a patch: all layers compared, and the last.
const (
	pieAPPFeatures = 64*32*32 + 128*16*16 + 256*8*8 + 256*4*4 + 512*2*2
	pieAPPLast     = 512 * 2 * 2
	pieAPPHidden   = 512
)

func pieAPPShapes() map[string][]int {
	shapes := map[string][]int{
		"fc1_score.weight": {pieAPPHidden, pieAPPFeatures}, "fc1_score.bias": {pieAPPHidden},
		"fc2_score.weight": {1, pieAPPHidden}, "fc2_score.bias": {1},
		"fc1_weight.weight": {pieAPPHidden, pieAPPLast}, "fc1_weight.bias": {pieAPPHidden},
		"fc2_weight.weight": {1, pieAPPHidden}, "fc2_weight.bias": {1},
		"ref_score_subtract.weight": {1}, "ref_score_subtract.bias": {1},
	}
	in := 3
	for i, out := range pieAPPConvs {
		name := fmt.Sprintf("conv%d", i+1)
		shapes[name+".weight"], shapes[name+".bias"] = []int{out, in, 3, 3}, []int{out}
		in = out
	}
	return shapes
}

// patchBatch is how many patches the network sees at a time: those of a
// 128×128 picture at the sparse stride. The last ones are filled up.
const patchBatch = 9

// loadedPieAPP is the network in two parts, so that the reference's patches
// are looked at once.
type loadedPieAPP struct {
	*network
	features *function // patches [9, 3, 64, 64] → [9, pieAPPFeatures]
	heads    *function // features of reference and picture → errors, weights [9]
}

var pieAPP = &onDemand[*loadedPieAPP]{load: func() (*loadedPieAPP, error) {
	net, err := installedNetwork("pieapp", pieAPPShapes())
	if err != nil {
		return nil, err
	}
	return newPieAPP(net), nil
}}

func newPieAPP(net *network) *loadedPieAPP {
	return &loadedPieAPP{
		network: net,
		features: net.function(func(o *nn.Ops, s *model.Scope, inputs []*Node) []*Node {
			x := o.In(inputs[0])
			var parts []*Node
			for i, out := range pieAPPConvs {
				x = o.ReLU(o.Conv2D(s.At("conv%d", i+1), x, out, 3, 1, nn.Same))
				switch {
				case i >= 2 && i%2 == 0:
					parts = append(parts, Reshape(o.Out(x), patchBatch, -1)) // flattened channels first
				case i%2 == 1:
					x = o.MaxPool(x, 2, 2, false)
				}
			}
			return []*Node{Concatenate(parts, 1)}
		}),
		heads: net.function(func(o *nn.Ops, s *model.Scope, inputs []*Node) []*Node {
			difference := Sub(inputs[0], inputs[1])
			head := func(name string, x *Node) *Node {
				x = o.ReLU(o.Linear(s.At("fc1_%s", name), x, pieAPPHidden))
				return Reshape(o.Linear(s.At("fc2_%s", name), x, 1), patchBatch)
			}
			// The authors' comparison of the scores of a patch and of the
			// reference itself, which is a linear function of one number.
			subtract := s.At("ref_score_subtract")
			g := difference.Graph()
			score := MulScalar(head("score", difference), 0.01)
			score = Add(Mul(score, nn.Variable(subtract, "weight", g, 1)), nn.Variable(subtract, "bias", g, 1))
			last := SliceAxis(difference, 1, AxisRangeToEnd(pieAPPFeatures-pieAPPLast))
			return []*Node{score, AddScalar(head("weight", last), 1e-6)}
		}),
	}
}

// Info returns the metric's passport. Weights is empty while they are
// missing.
func (m PieAPPMetric) Info() Info {
	info := Info{ID: m.id(), Name: "PieAPP", Direction: LowerIsBetter, Reference: HR, MinSide: patchSide}
	if loaded, err := pieAPP.get(); err == nil {
		info.Weights = loaded.sha256
	}
	return info
}

// Score returns the perceptual error of image against hr, of the same size.
func (m PieAPPMetric) Score(image, hr *picture.Image) (float64, error) {
	if err := sameSize(image, hr); err != nil {
		return 0, fmt.Errorf("%s: %w", m.Info().ID, err)
	}
	score, err := m.Prepare(hr)
	if err != nil {
		return 0, err
	}
	return score(image)
}

// maxKeptPatches bounds the memory of a prepared reference: half a megabyte a
// patch.
const maxKeptPatches = 512

// Prepare looks at the patches of hr, if they are not too many to keep, and
// returns the error against it.
func (m PieAPPMetric) Prepare(hr *picture.Image) (func(image *picture.Image) (float64, error), error) {
	info := m.Info()
	wrap := func(err error) error { return fmt.Errorf("%s: %w", info.ID, err) }
	if err := withinNetwork(hr, 1, info); err != nil {
		return nil, wrap(err)
	}
	loaded, err := pieAPP.get()
	if err != nil {
		return nil, wrap(err)
	}
	score, err := loaded.prepare(hr, m.corners(hr.Width, hr.Height))
	if err != nil {
		return nil, wrap(err)
	}
	return func(image *picture.Image) (float64, error) {
		if err := sameSize(image, hr); err != nil {
			return 0, wrap(err)
		}
		errors, weights, err := score(image)
		if err != nil {
			return 0, wrap(err)
		}
		sum, total := 0.0, 0.0
		for i, w := range weights {
			sum += w * errors[i]
			total += w
		}
		if value := sum / total; value-value == 0 {
			return value, nil
		}
		return 0, fmt.Errorf("%s: the weights of the patches add up to %g: no score", info.ID, total)
	}, nil
}

// corners are the top left corners of a picture's patches, y and x, row by
// row.
func (m PieAPPMetric) corners(width, height int) [][2]int {
	offsets := func(side int) []int {
		last := side - patchSide
		var all []int
		for at := 0; at <= last; at += m.stride() {
			all = append(all, at)
		}
		if m.Border && last%m.stride() != 0 {
			all = append(all, last)
		}
		return all
	}
	var corners [][2]int
	for _, y := range offsets(height) {
		for _, x := range offsets(width) {
			corners = append(corners, [2]int{y, x})
		}
	}
	return corners
}

// prepare returns the errors and weights of a picture's patches, in the order
// of their corners.
func (l *loadedPieAPP) prepare(hr *picture.Image, corners [][2]int) (func(image *picture.Image) (errors, weights []float64, err error), error) {
	look := func(image *picture.Image, from int) ([]float32, error) {
		in := patchTensor(image, corners[from:min(from+patchBatch, len(corners))])
		defer in.FinalizeAll()
		out, err := l.features.call(in)
		if err != nil {
			return nil, err
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[float32](out[0])
	}
	kept := map[int][]float32{}
	if len(corners) <= maxKeptPatches {
		for from := 0; from < len(corners); from += patchBatch {
			features, err := look(hr, from)
			if err != nil {
				return nil, err
			}
			kept[from] = features
		}
	}
	return func(image *picture.Image) (errors, weights []float64, err error) {
		for from := 0; from < len(corners); from += patchBatch {
			ref, ok := kept[from]
			if !ok {
				if ref, err = look(hr, from); err != nil {
					return nil, nil, err
				}
			}
			features, err := look(image, from)
			if err != nil {
				return nil, nil, err
			}
			out, err := l.heads.call(
				tensors.FromFlatDataAndDimensions(ref, patchBatch, pieAPPFeatures),
				tensors.FromFlatDataAndDimensions(features, patchBatch, pieAPPFeatures))
			if err != nil {
				return nil, nil, err
			}
			n := min(patchBatch, len(corners)-from)
			for i, dst := range []*[]float64{&errors, &weights} {
				values, err := tensors.CopyFlatData[float32](out[i])
				if err != nil {
					return nil, nil, err
				}
				for _, v := range values[:n] {
					*dst = append(*dst, float64(v))
				}
			}
		}
		return errors, weights, nil
	}, nil
}

// patchTensor is the patches at corners, BGR from 0 to 255, [9, 3, 64, 64],
// zeros where there are fewer.
func patchTensor(image *picture.Image, corners [][2]int) *tensors.Tensor {
	const plane = patchSide * patchSide
	data := make([]float32, patchBatch*3*plane)
	rgb := image.Bytes()
	for i, corner := range corners {
		for y := range patchSide {
			for x := range patchSide {
				src := 3 * ((corner[0]+y)*image.Width + corner[1] + x)
				for c := range 3 {
					data[(3*i+c)*plane+y*patchSide+x] = float32(rgb[src+2-c])
				}
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(data, patchBatch, 3, patchSide, patchSide)
}
