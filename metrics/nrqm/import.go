package nrqm

import (
	"fmt"
	"io"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
)

// Import reads the authors' model.mat (pyiqa's NRQM_model.mat), a MAT-file of
// MATLAB's versions 5 to 7 with the variable "model", and returns the model as
// the bytes of a safetensors file for [DecodeModel], which has checked them.
// The same file gives the same bytes. Errors wrap [ErrModel] where the file is
// not what it should be.
func Import(mat io.Reader) ([]byte, error) {
	arrays, err := readMAT(mat, imported)
	if err != nil {
		return nil, fmt.Errorf("import NRQM: %w: %w", ErrModel, err)
	}
	linear, ok := arrays["model.linear"]
	if !ok || linear.rows > 4 || len(linear.columns) > 4 {
		return nil, fmt.Errorf("import NRQM: %w: model.linear of 4 values is missing", ErrModel)
	}
	dict := map[string]*weights.Tensor64{"linear": linear.vector("F64")}
	for j := range featureCounts {
		if err := importForest(dict, arrays, j+1); err != nil {
			return nil, fmt.Errorf("import NRQM: %w: %w", ErrModel, err)
		}
	}
	data, err := weights.EncodeSafetensors64(dict, map[string]string{"source": "model.mat of github.com/chaoma99/sr-metric"})
	if err != nil {
		return nil, fmt.Errorf("import NRQM: %w: %w", ErrModel, err)
	}
	if _, err := DecodeModel(data); err != nil {
		return nil, fmt.Errorf("import %w", err)
	}
	return data, nil
}

// maxImportedNodes bounds the nodes of a forest, used or not; the authors' have
// six million at most. The zeros that fill up trees compress to nothing.
const maxImportedNodes = 1 << 24

// importedFields are the arrays of a forest and their types in the result.
var importedFields = map[string]string{
	"lDau": "I32", "rDau": "I32", "mbest": "I32", "upper": "F64", "avnode": "F64", "ndtree": "I32",
}

// imported tells whether an array of model.mat is read.
func imported(name string) bool {
	if name == "model.linear" {
		return true
	}
	for j := range featureCounts {
		if field, ok := strings.CutPrefix(name, fmt.Sprintf("model.rf{%d}.", j+1)); ok {
			return importedFields[field] != ""
		}
	}
	return false
}

// importForest adds the tensors of forest j to dict. MATLAB's columns are
// trees; nodes that no tree uses are left out.
func importForest(dict map[string]*weights.Tensor64, arrays map[string]matrix, j int) error {
	for field := range importedFields {
		if _, ok := arrays[fmt.Sprintf("model.rf{%d}.%s", j, field)]; !ok {
			return fmt.Errorf("model.rf{%d}.%s is missing", j, field)
		}
	}
	counts := arrays[fmt.Sprintf("model.rf{%d}.ndtree", j)]
	if counts.rows > maxTrees || len(counts.columns) > maxTrees/max(counts.rows, 1) {
		return fmt.Errorf("model.rf{%d}.ndtree has more than %d values", j, maxTrees)
	}
	used := counts.vector("I32")
	dict[fmt.Sprintf("rf%d.ndtree", j)] = used
	trees, nodes := len(used.Data), 0.0
	for _, n := range used.Data {
		nodes = max(nodes, n)
	}
	if float64(trees)*nodes > maxImportedNodes {
		return fmt.Errorf("%d trees of %v nodes, at most %d in all are read", trees, nodes, maxImportedNodes)
	}
	for field, dtype := range importedFields {
		if field == "ndtree" {
			continue
		}
		a := arrays[fmt.Sprintf("model.rf{%d}.%s", j, field)]
		if len(a.columns) != trees || !(nodes <= float64(a.rows)) {
			return fmt.Errorf("model.rf{%d}.%s has %d nodes of %d trees, ndtree says %v of %d", j, field, a.rows, len(a.columns), nodes, trees)
		}
		t := &weights.Tensor64{Shape: []int{trees, int(nodes)}, Data: make([]float64, trees*int(nodes)), DType: dtype}
		for i, column := range a.columns {
			copy(t.Data[i*int(nodes):(i+1)*int(nodes)], column)
		}
		dict[fmt.Sprintf("rf%d.%s", j, field)] = t
	}
	return nil
}

// vector returns all values, column by column.
func (a matrix) vector(dtype string) *weights.Tensor64 {
	t := &weights.Tensor64{DType: dtype}
	for i, c := range a.columns {
		t.Data = append(t.Data, c...)
		t.Data = append(t.Data, make([]float64, (i+1)*a.rows-len(t.Data))...)
	}
	t.Shape = []int{len(t.Data)}
	return t
}
