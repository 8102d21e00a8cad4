package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Tensor64 is a dense array of float64, row-major: what a [Tensor] would
// round, such as the thresholds of decision trees.
type Tensor64 struct {
	Shape []int
	Data  []float64
	DType string // as stored: "F64", "I32", …
}

// DecodeSafetensors64 is [DecodeSafetensors] without rounding to float32.
// I64 values are exact below 2⁵³.
func DecodeSafetensors64(data []byte) (map[string]*Tensor64, map[string]string, error) {
	entries, meta, body, err := decodeHeader(data)
	if err == nil {
		err = checkLayout(entries, int64(len(body)))
	}
	if err != nil {
		return nil, nil, err
	}
	dict := make(map[string]*Tensor64, len(entries))
	for name, e := range entries {
		values, err := decodeValues[float64](e, body)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		dict[name] = &Tensor64{e.Shape, values, e.DType}
	}
	return dict, meta, nil
}

// EncodeSafetensors64 writes the tensors in name order, each with its DType,
// "F64" or "I32"; values that an I32 cannot hold are an error.
func EncodeSafetensors64(dict map[string]*Tensor64, meta map[string]string) ([]byte, error) {
	names := slices.Sorted(maps.Keys(dict))
	header := map[string]any{}
	if len(meta) > 0 {
		header["__metadata__"] = meta
	}
	var offset int64
	for _, name := range names {
		t := dict[name]
		if t.DType != "F64" && t.DType != "I32" {
			return nil, fmt.Errorf("safetensors: tensor %q: cannot write element type %q", name, t.DType)
		}
		if size(t.Shape) != len(t.Data) {
			return nil, fmt.Errorf("safetensors: tensor %q: shape %v with %d values", name, t.Shape, len(t.Data))
		}
		end := offset + itemSize[t.DType]*int64(len(t.Data))
		header[name] = entry{t.DType, t.Shape, []int64{offset, end}}
		offset = end
	}
	head, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	le := binary.LittleEndian
	out := make([]byte, 0, 8+len(head)+int(offset))
	out = le.AppendUint64(out, uint64(len(head)))
	out = append(out, head...)
	for _, name := range names {
		t := dict[name]
		for i, v := range t.Data {
			if t.DType == "F64" {
				out = le.AppendUint64(out, math.Float64bits(v))
				continue
			}
			if float64(int32(v)) != v {
				return nil, fmt.Errorf("safetensors: tensor %q: value %d is %v, no 32-bit integer", name, i, v)
			}
			out = le.AppendUint32(out, uint32(int32(v)))
		}
	}
	return out, nil
}
