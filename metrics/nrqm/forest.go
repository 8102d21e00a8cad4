package nrqm

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/inputfile"
	"github.com/trustsr/trustsr/internal/weights"
)

// ErrModel is what errors about a file wrap that is no model.
var ErrModel = errors.New("not a model of NRQM")

const (
	maxTrees      = 1 << 17
	maxModelBytes = 2 << 30 // the authors' 2000 trees a forest take about a tenth
)

// Model is three regression forests, one for each kind of features, and the
// linear combination of their predictions. Methods may be called from many
// goroutines.
type Model struct {
	forests [3]forest
	linear  [4]float64
	sha256  string
}

// forest holds the nodes of all trees; children are indices into nodes.
type forest struct {
	roots []int32
	nodes []node
}

type node struct {
	value       float64 // threshold, or the prediction of a leaf
	feature     int32   // -1 in a leaf
	left, right int32   // left if feature ≤ threshold
}

// featureCounts are the features each forest reads.
var featureCounts = [3]int{NumDCT, NumGSM, NumPCA}

// ReadModel reads a file that [DecodeModel] takes.
func ReadModel(path string) (*Model, error) {
	data, err := inputfile.Read(path, maxModelBytes)
	if errors.Is(err, inputfile.ErrTooLarge) || errors.Is(err, inputfile.ErrNotFile) || errors.Is(err, inputfile.ErrLFSPointer) {
		return nil, fmt.Errorf("NRQM: %w: %w", ErrModel, err)
	}
	if err != nil {
		return nil, fmt.Errorf("NRQM: %w", err)
	}
	m, err := DecodeModel(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// DecodeModel reads a model from a safetensors file with the fields of the
// authors' model.mat: for forests J = 1, 2, 3 (DCT, GSM, PCA) the tensors
// rfJ.lDau and rfJ.rDau (children, counted from 1; lDau 0 in a leaf),
// rfJ.mbest (feature, from 1), rfJ.upper (threshold) and rfJ.avnode
// (prediction), all [trees, nodes] with the root first and children after
// their parents, and rfJ.ndtree (nodes in use, [trees]; all of them where it
// is absent); linear [4] is the constant and the factor of each forest.
// Errors wrap [ErrModel].
func DecodeModel(data []byte) (*Model, error) {
	dict, _, err := weights.DecodeSafetensors64(data)
	if err != nil {
		return nil, fmt.Errorf("NRQM: %w: %w", ErrModel, err)
	}
	m := &Model{sha256: weights.SHA256(data)}
	for i := range m.forests {
		if m.forests[i], err = newForest(dict, fmt.Sprintf("rf%d.", i+1), featureCounts[i]); err != nil {
			return nil, fmt.Errorf("NRQM: %w: %w", ErrModel, err)
		}
	}
	linear := dict["linear"]
	if linear == nil || len(linear.Data) != len(m.linear) {
		return nil, fmt.Errorf("NRQM: %w: linear of 4 values is missing", ErrModel)
	}
	copy(m.linear[:], linear.Data)
	if i := finite.Not(m.linear[:]); i >= 0 {
		return nil, fmt.Errorf("NRQM: %w: linear holds %v", ErrModel, m.linear[i])
	}
	return m, nil
}

func newForest(dict map[string]*weights.Tensor64, prefix string, features int) (forest, error) {
	var f forest
	shape := []int(nil)
	fields := map[string][]float64{}
	for _, name := range []string{"lDau", "rDau", "mbest", "upper", "avnode"} {
		t := dict[prefix+name]
		if t == nil {
			return f, fmt.Errorf("tensor %q is missing", prefix+name)
		}
		if shape == nil {
			shape = t.Shape
		}
		if len(t.Shape) != 2 || t.Shape[0] != shape[0] || t.Shape[1] != shape[1] {
			return f, fmt.Errorf("tensor %q has shape %v, the others %v of trees and nodes", prefix+name, t.Shape, shape)
		}
		fields[name] = t.Data
	}
	trees, stride := shape[0], shape[1]
	if trees < 1 || trees > maxTrees || stride < 1 || trees > math.MaxInt32/stride {
		return f, fmt.Errorf("%strees: %d of %d nodes", prefix, trees, stride)
	}
	used := make([]int, trees)
	total := 0
	for i := range used {
		used[i] = stride
		if t := dict[prefix+"ndtree"]; t != nil {
			if len(t.Data) != trees {
				return f, fmt.Errorf("tensor %q has %d values for %d trees", prefix+"ndtree", len(t.Data), trees)
			}
			n := t.Data[i]
			if !(n >= 1 && n <= float64(stride)) {
				return f, fmt.Errorf("tree %d of %s has %v nodes of at most %d", i+1, prefix, n, stride)
			}
			used[i] = int(n)
		}
		total += used[i]
	}
	f.nodes = make([]node, 0, total)
	for i, n := range used {
		root := len(f.nodes)
		f.roots = append(f.roots, int32(root))
		for k := range n {
			at := i*stride + k
			leaf := node{value: fields["avnode"][at], feature: -1}
			if l := fields["lDau"][at]; l != 0 {
				r, best := fields["rDau"][at], fields["mbest"][at]
				// Children after their parents: no walk goes in circles.
				if !isWhole(l, k+2, n) || !isWhole(r, k+2, n) || !isWhole(best, 1, features) {
					return f, fmt.Errorf("tree %d of %s: node %d of %d splits feature %v of %d into %v and %v", i+1, prefix, k+1, n, best, features, l, r)
				}
				leaf = node{fields["upper"][at], int32(best) - 1, int32(root) + int32(l) - 1, int32(root) + int32(r) - 1}
			}
			if !finite.Is(leaf.value) {
				return f, fmt.Errorf("tree %d of %s: node %d holds %v", i+1, prefix, k+1, leaf.value)
			}
			f.nodes = append(f.nodes, leaf)
		}
	}
	return f, nil
}

// isWhole reports whether v is a whole number from low to high.
func isWhole(v float64, low, high int) bool {
	return v == math.Trunc(v) && v >= float64(low) && v <= float64(high)
}

// predict returns the mean of the trees.
func (f forest) predict(x []float64) float64 {
	sum := 0.0
	for _, k := range f.roots {
		n := &f.nodes[k]
		for n.feature >= 0 {
			if x[n.feature] <= n.value {
				n = &f.nodes[n.left]
			} else {
				n = &f.nodes[n.right]
			}
		}
		sum += n.value
	}
	return sum / float64(len(f.roots))
}

// Predict returns the predictions of the three forests, DCT, GSM and PCA.
func (m *Model) Predict(f *Features) [3]float64 {
	return [3]float64{
		m.forests[0].predict(f.DCT[:]),
		m.forests[1].predict(f.GSM[:]),
		m.forests[2].predict(f.PCA[:]),
	}
}

// Score returns NRQM, about 0 (worst) to 10 with the authors' forests.
func (m *Model) Score(f *Features) float64 {
	score := m.linear[0]
	for i, p := range m.Predict(f) {
		score += m.linear[i+1] * p
	}
	return score
}

// SHA256 returns the lower-case hexadecimal SHA-256 of the model's file.
func (m *Model) SHA256() string { return m.sha256 }
