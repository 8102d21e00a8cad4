package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/trustsr/trustsr/internal/inputfile"
)

// File is an open checkpoint file. Names, shapes and element types are known from
// opening; values are read when asked for, so that a checkpoint need not fit
// into memory twice. Its methods may be called from several goroutines.
type File struct {
	path   string
	format string
	data   io.ReaderAt
	size   int64
	closer io.Closer
	items  map[string]item
	meta   map[string]string
	hyper  map[string]any
}

// item is where a tensor's elements are.
type item struct {
	dtype  string // a key of elementSize, or the name of an unsupported type
	shape  []int
	stride []int // in elements; nil: row-major
	offset int64 // of the first element, in bytes of the file
}

// elementSize is in bytes.
var elementSize = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}

// Open opens a checkpoint file, telling its format by its content:
// safetensors; torch.save's zip; torch.save's older sequence of pickles. Of a
// torch file, nothing is executed and no class is looked up: objects of any
// class are read as the data they are. The tensors are those of the dict
// "state_dict" where there is one (a Lightning checkpoint), else of the
// dict that is the file.
func Open(path string) (*File, error) {
	f, size, err := inputfile.Open(path, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	file, err := newFile(f, size)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	file.path, file.closer = path, f
	return file, nil
}

func newFile(data io.ReaderAt, size int64) (*File, error) {
	file := &File{data: data, size: size, items: map[string]item{}}
	head := make([]byte, inputfile.LFSBytes)
	n, err := data.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	if err := inputfile.CheckLFS(head); err != nil {
		return nil, err
	}
	switch {
	case n < 9:
		return nil, fmt.Errorf("%d bytes are too short for a checkpoint", size)
	case string(head[:4]) == "PK\x03\x04":
		file.format, err = "torch zip", file.openZip()
	case head[0] == 0x80 && head[1] < 6 && head[2] == '\x8a':
		file.format, err = "torch legacy", file.openLegacy()
	case binary.LittleEndian.Uint64(head) <= uint64(size-8) && head[8] == '{':
		file.format, err = "safetensors", file.openSafetensors()
	default:
		return nil, fmt.Errorf("neither safetensors nor a torch.save file: it begins with %q", head[:8])
	}
	if err != nil {
		return nil, err
	}
	for name, it := range file.items {
		if err := file.check(it); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return file, nil
}

// check makes sure that all elements lie in the file and that a tensor is
// not much larger than the file, as one with strides of 0 may claim to be.
func (f *File) check(it item) error {
	width, ok := elementSize[it.dtype]
	if !ok {
		return nil // known by name; reading it is the error
	}
	count := int64(1)
	for _, d := range it.shape {
		if d < 0 || (d > 0 && count > math.MaxInt64/16/int64(d)) {
			return fmt.Errorf("shape %v", it.shape)
		}
		count *= int64(d)
	}
	if count == 0 {
		return nil
	}
	last := count - 1 // element, from the first on
	if it.stride != nil {
		last = 0
		for i, d := range it.shape {
			s := int64(it.stride[i])
			if d > 1 && (s < 0 || s > (f.size-last)/int64(d-1)) {
				return fmt.Errorf("strides %v of shape %v reach outside the file", it.stride, it.shape)
			}
			if d > 1 {
				last += s * int64(d-1)
			}
		}
	}
	if it.offset < 0 || it.offset > f.size || last >= (f.size-it.offset)/width {
		return fmt.Errorf("shape %v of %s reaches outside the file's %d bytes", it.shape, it.dtype, f.size)
	}
	if count > f.size+1<<20 {
		return fmt.Errorf("shape %v repeats elements of a file of %d bytes too often", it.shape, f.size)
	}
	return nil
}

// Rename gives all tensors other names, which must differ. It is for the time
// before other goroutines have the file.
func (f *File) Rename(to func(name string) string) error {
	items := make(map[string]item, len(f.items))
	for name, it := range f.items {
		other := to(name)
		if _, twice := items[other]; twice {
			return fmt.Errorf("two tensors would be called %.100q", other)
		}
		items[other] = it
	}
	f.items = items
	return nil
}

// Close closes the file; tensors read stay.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Format is "safetensors", "torch zip" or "torch legacy".
func (f *File) Format() string { return f.format }

// Names returns the tensors' names, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.items))
	for name := range f.items {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has tells whether there is a tensor of that name.
func (f *File) Has(name string) bool {
	_, ok := f.items[name]
	return ok
}

// Shape returns a tensor's shape, or nil where there is none of that name.
func (f *File) Shape(name string) []int { return slices.Clone(f.items[name].shape) }

// DType returns a tensor's element type in safetensors' spelling, e.g. "F16".
func (f *File) DType(name string) string { return f.items[name].dtype }

// Offset returns where in the file a tensor begins: reading in this order is
// reading forward.
func (f *File) Offset(name string) int64 { return f.items[name].offset }

// Metadata returns the strings stored with a safetensors file.
func (f *File) Metadata() map[string]string { return f.meta }

// HyperParameters returns what a Lightning checkpoint holds as
// "hyper_parameters": nested maps, slices, strings, numbers and booleans;
// objects of classes are left out. It is nil where there are none.
func (f *File) HyperParameters() map[string]any { return f.hyper }

// Tensor reads a tensor whole, as float32: wider types are rounded, integers
// converted, booleans 0 or 1.
func (f *File) Tensor(name string) (*Tensor, error) {
	it, ok := f.items[name]
	if !ok {
		return nil, fmt.Errorf("weights: %s: no tensor %q", f.path, name)
	}
	t := &Tensor{Shape: slices.Clone(it.shape)}
	if _, ok := elementSize[it.dtype]; ok {
		t.Data = make([]float32, size(it.shape))
	}
	return t, f.Read(name, t.Data)
}

// Read reads a tensor's elements into dst, row-major, as Tensor does. Beside
// dst it needs 1 MiB, and for a tensor whose elements do not lie in order
// the memory that they span in the file.
func (f *File) Read(name string, dst []float32) error {
	it, ok := f.items[name]
	if !ok {
		return fmt.Errorf("weights: %s: no tensor %q", f.path, name)
	}
	if err := f.read(it, dst); err != nil {
		return fmt.Errorf("weights: %s: tensor %q: %w", f.path, name, err)
	}
	return nil
}

// bufferSize is how much is read at once.
const bufferSize = 1 << 20

func (f *File) read(it item, dst []float32) error {
	width, ok := elementSize[it.dtype]
	if !ok {
		return fmt.Errorf("element type %s is not supported", it.dtype)
	}
	if len(dst) != size(it.shape) {
		return fmt.Errorf("%d elements read into %d", size(it.shape), len(dst))
	}
	if it.stride != nil && !rowMajor(it.shape, it.stride) {
		return f.gather(it, dst, width)
	}
	buffer := make([]byte, min(bufferSize, width*int64(len(dst))))
	at := it.offset
	for len(dst) > 0 {
		n := min(len(dst), len(buffer)/int(width))
		raw := buffer[:int64(n)*width]
		if err := f.bytes(raw, at); err != nil {
			return err
		}
		widen(dst[:n], raw, it.dtype)
		dst, at = dst[n:], at+int64(len(raw))
	}
	return nil
}

func (f *File) bytes(b []byte, at int64) error {
	n, err := f.data.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return fmt.Errorf("the file ends early: %w", err)
}

// gather reads elements that are not in row-major order.
func (f *File) gather(it item, dst []float32, width int64) error {
	if len(dst) == 0 {
		return nil
	}
	last := int64(0)
	for i, d := range it.shape {
		if d > 1 {
			last += int64(d-1) * int64(it.stride[i])
		}
	}
	raw := make([]byte, (last+1)*width)
	if err := f.bytes(raw, it.offset); err != nil {
		return err
	}
	index := make([]int, len(it.shape))
	at := int64(0)
	for i := range dst {
		widen(dst[i:i+1], raw[at*width:(at+1)*width], it.dtype)
		for axis := len(index) - 1; axis >= 0; axis-- {
			if it.shape[axis] == 1 { // its stride may be anything
				continue
			}
			at += int64(it.stride[axis])
			if index[axis]++; index[axis] < it.shape[axis] {
				break
			}
			at -= int64(it.stride[axis]) * int64(it.shape[axis])
			index[axis] = 0
		}
	}
	return nil
}

// rowMajor tells whether strides are those of a dense row-major array; the
// stride of an axis of one element does not matter.
func rowMajor(shape, stride []int) bool {
	want := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && stride[i] != want {
			return size(shape) == 0
		}
		want *= shape[i]
	}
	return true
}

// widen converts little-endian elements to float32.
func widen(dst []float32, raw []byte, dtype string) {
	le := binary.LittleEndian
	switch dtype {
	case "F32":
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case "F16":
		for i := range dst {
			dst[i] = FromHalf(le.Uint16(raw[2*i:]))
		}
	case "BF16":
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16)
		}
	case "F64":
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case "I64":
		for i := range dst {
			dst[i] = float32(int64(le.Uint64(raw[8*i:])))
		}
	case "I32":
		for i := range dst {
			dst[i] = float32(int32(le.Uint32(raw[4*i:])))
		}
	case "I16":
		for i := range dst {
			dst[i] = float32(int16(le.Uint16(raw[2*i:])))
		}
	case "I8":
		for i := range dst {
			dst[i] = float32(int8(raw[i]))
		}
	case "U8", "BOOL":
		for i := range dst {
			dst[i] = float32(raw[i])
		}
	}
}

// openSafetensors reads the header of a safetensors file.
func (f *File) openSafetensors() error {
	var b [8]byte
	if err := f.bytes(b[:], 0); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(b[:])
	if n > headerLimit || n > uint64(f.size-8) {
		return fmt.Errorf("safetensors: header of %d bytes in a file of %d", n, f.size)
	}
	head := make([]byte, 8+n)
	if err := f.bytes(head, 0); err != nil {
		return err
	}
	entries, meta, _, err := decodeHeader(head)
	if err != nil {
		return err
	}
	f.meta = meta
	body := f.size - 8 - int64(n)
	if err := checkLayout(entries, body); err != nil {
		return err
	}
	for name, e := range entries {
		it := item{dtype: e.DType, shape: e.Shape, offset: 8 + int64(n) + e.Offsets[0]}
		if err := f.check(it); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		if need, have := int64(size(it.shape))*elementSize[it.dtype], e.Offsets[1]-e.Offsets[0]; elementSize[it.dtype] > 0 && need != have {
			return fmt.Errorf("safetensors: tensor %q: shape %v of %s needs %d bytes, has %d", name, e.Shape, e.DType, need, have)
		}
		f.items[name] = it
	}
	return nil
}
