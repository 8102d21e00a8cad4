// Package weights reads and writes the tensors of a trained network.
package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// Tensor is a dense array of float32, row-major (last axis fastest).
type Tensor struct {
	Shape []int
	Data  []float32
}

// Dict holds tensors by the name they have in the checkpoint.
type Dict map[string]*Tensor

// NewTensor returns a zero tensor of the given shape.
func NewTensor(shape ...int) *Tensor {
	return &Tensor{Shape: slices.Clone(shape), Data: make([]float32, size(shape))}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// headerLimit bounds a safetensors header; the reference implementation
// (huggingface/safetensors, MAX_HEADER_SIZE) has the same limit.
const headerLimit = 100_000_000

type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// DecodeSafetensors reads the safetensors format: F32, F16, BF16, F64 and I32/I64
// tensors, all widened or narrowed to float32, and the metadata strings.
// Every size is checked against the data before memory is taken. As in the
// format's reference, the tensors must fill the data without gap or overlap and
// no name may come twice; unknown types and negative sizes are errors too, all
// with the name of the tensor.
func DecodeSafetensors(data []byte) (Dict, map[string]string, error) {
	entries, meta, body, err := decodeHeader(data)
	if err == nil {
		err = checkLayout(entries, int64(len(body)))
	}
	if err != nil {
		return nil, nil, err
	}
	dict := make(Dict, len(entries))
	for name, e := range entries {
		values, err := decodeValues[float32](e, body)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		dict[name] = &Tensor{Shape: e.Shape, Data: values}
	}
	return dict, meta, nil
}

// decodeHeader returns the tensors' places in body, the data after the header,
// and the metadata.
func decodeHeader(data []byte) (entries map[string]entry, meta map[string]string, body []byte, err error) {
	if len(data) < 8 {
		return nil, nil, nil, fmt.Errorf("safetensors: %d bytes is too short for a header", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > headerLimit || n > uint64(len(data)-8) {
		return nil, nil, nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d", n, len(data))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		return nil, nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	if twice := nameTwice(data[8 : 8+n]); twice != "" {
		return nil, nil, nil, fmt.Errorf("safetensors: tensor %.100q comes twice", twice)
	}
	meta = map[string]string{}
	entries = make(map[string]entry, len(header))
	for name, raw := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &meta); err != nil {
				return nil, nil, nil, fmt.Errorf("safetensors: metadata: %w", err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, nil, nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		entries[name] = e
	}
	return entries, meta, data[8+n:], nil
}

// nameTwice returns a name that the object of a header has twice, "" if there is
// none: encoding/json would take the last.
func nameTwice(header []byte) string {
	d := json.NewDecoder(bytes.NewReader(header))
	seen := map[string]bool{}
	if _, err := d.Token(); err != nil { // the brace
		return ""
	}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return ""
		}
		if seen[name] {
			return name
		}
		seen[name] = true
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return ""
		}
	}
	return ""
}

// checkLayout makes sure that the tensors lie in the data one after the other,
// from its first byte to its last.
func checkLayout(entries map[string]entry, size int64) error {
	names := make([]string, 0, len(entries))
	for name, e := range entries {
		if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > size {
			return fmt.Errorf("safetensors: tensor %.100q: offsets %.5v outside the %d bytes of data", name, e.Offsets, size)
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Compare(entries[a].Offsets, entries[b].Offsets) })
	end, before := int64(0), ""
	for _, name := range names {
		switch begin := entries[name].Offsets[0]; {
		case begin < end:
			return fmt.Errorf("safetensors: tensors %.100q and %.100q overlap", before, name)
		case begin > end:
			return fmt.Errorf("safetensors: a gap of %d bytes before tensor %.100q", begin-end, name)
		}
		end, before = entries[name].Offsets[1], name
	}
	if end != size {
		return fmt.Errorf("safetensors: %d bytes after the last tensor", size-end)
	}
	return nil
}

var itemSize = map[string]int64{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}

func decodeValues[T float32 | float64](e entry, body []byte) ([]T, error) {
	width, ok := itemSize[e.DType]
	if !ok {
		return nil, fmt.Errorf("element type %q is not supported", e.DType)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > int64(len(body)) {
		return nil, fmt.Errorf("offsets %v outside the %d bytes of data", e.Offsets, len(body))
	}
	bytesHave := e.Offsets[1] - e.Offsets[0]
	count := int64(1)
	for _, d := range e.Shape {
		if d < 0 || (d > 0 && count > bytesHave/int64(d)) {
			return nil, fmt.Errorf("shape %v does not fit %d bytes", e.Shape, bytesHave)
		}
		count *= int64(d)
	}
	if count*width != bytesHave {
		return nil, fmt.Errorf("shape %v of %s needs %d bytes, has %d", e.Shape, e.DType, count*width, bytesHave)
	}
	raw := body[e.Offsets[0]:e.Offsets[1]]
	values := make([]T, count)
	le := binary.LittleEndian
	for i := range values {
		switch e.DType {
		case "F32":
			values[i] = T(math.Float32frombits(le.Uint32(raw[4*i:])))
		case "F16":
			values[i] = T(FromHalf(le.Uint16(raw[2*i:])))
		case "BF16":
			values[i] = T(math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16))
		case "F64":
			values[i] = T(math.Float64frombits(le.Uint64(raw[8*i:])))
		case "I64":
			values[i] = T(int64(le.Uint64(raw[8*i:])))
		case "I32":
			values[i] = T(int32(le.Uint32(raw[4*i:])))
		}
	}
	return values, nil
}

// wholeLimit is the largest file that is read whole, in bytes. Larger ones are
// read a tensor at a time, see [Open].
const wholeLimit = 4 << 30

// ReadSafetensors reads a safetensors file whole, of 4 GiB at most.
func ReadSafetensors(path string) (Dict, map[string]string, error) {
	data, err := inputfile.Read(path, wholeLimit)
	if err != nil {
		return nil, nil, fmt.Errorf("weights: %w", err)
	}
	dict, meta, err := DecodeSafetensors(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return dict, meta, nil
}

// EncodeSafetensors writes the tensors in name order, all as dtype "F32" or
// "F16" (rounded to nearest even), so that equal tensors give equal bytes.
func EncodeSafetensors(dict Dict, dtype string, meta map[string]string) ([]byte, error) {
	if dtype != "F32" && dtype != "F16" {
		return nil, fmt.Errorf("safetensors: cannot write element type %q", dtype)
	}
	names := make([]string, 0, len(dict))
	for name := range dict {
		names = append(names, name)
	}
	sort.Strings(names)
	header := map[string]any{}
	if len(meta) > 0 {
		header["__metadata__"] = meta
	}
	var offset int64
	for _, name := range names {
		t := dict[name]
		if size(t.Shape) != len(t.Data) {
			return nil, fmt.Errorf("safetensors: tensor %q: shape %v with %d values", name, t.Shape, len(t.Data))
		}
		end := offset + itemSize[dtype]*int64(len(t.Data))
		header[name] = entry{dtype, t.Shape, []int64{offset, end}}
		offset = end
	}
	head, err := json.Marshal(header) // map keys come out sorted
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	var out bytes.Buffer
	out.Grow(8 + len(head) + int(offset))
	binary.Write(&out, binary.LittleEndian, uint64(len(head)))
	out.Write(head)
	for _, name := range names {
		for _, v := range dict[name].Data {
			if dtype == "F32" {
				out.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
			} else {
				out.Write(binary.LittleEndian.AppendUint16(nil, ToHalf(v)))
			}
		}
	}
	return out.Bytes(), nil
}

// WriteSafetensors writes EncodeSafetensors to a file, atomically.
func WriteSafetensors(path string, dict Dict, dtype string, meta map[string]string) error {
	data, err := EncodeSafetensors(dict, dtype, meta)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, data); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// SHA256 returns the lower-case hexadecimal SHA-256 of data, as manifests
// record a weight file.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
