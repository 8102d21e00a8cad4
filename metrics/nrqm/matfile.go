package nrqm

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Reading of MATLAB's "Level 5" MAT-files, which save writes with -v6 and -v7
// (The MathWorks, MAT-File Format, R2014b).

// Element types of a MAT-file.
const (
	miMatrix     = 14
	miCompressed = 15
	miUTF8       = 16
)

// miSizes are the widths of the numeric element types, by their number.
var miSizes = map[uint32]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}

// Array classes of a MAT-file; those from double to uint64 are numbers.
const (
	mxCell   = 1
	mxStruct = 2
	mxDouble = 6
	mxUint64 = 15
)

const (
	maxMATBytes    = 8 << 30 // read in all, decompressed
	maxMATValues   = 1 << 28 // kept in all
	maxMATDepth    = 8
	maxMATChildren = 1 << 16
)

// A matrix is a MATLAB array of numbers with two dimensions. Its columns are
// kept without the zeros at their ends.
type matrix struct {
	rows    int
	columns [][]float64
}

// readMAT returns the arrays of numbers whose names wanted takes, as MATLAB
// writes them: "model.rf{2}.lDau". Others are skipped, and never in memory.
func readMAT(r io.Reader, wanted func(name string) bool) (map[string]matrix, error) {
	m := &matReader{wanted: wanted, found: map[string]matrix{}, bytes: maxMATBytes, values: maxMATValues}
	in := bufio.NewReaderSize(r, 1<<16)
	var header [128]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, fmt.Errorf("MAT-file: header: %w", truncated(err))
	}
	switch string(header[126:]) {
	case "IM":
		m.order = binary.LittleEndian
	case "MI":
		m.order = binary.BigEndian
	default:
		return nil, errors.New("no MAT-file of version 5 to 7")
	}
	if v := m.order.Uint16(header[124:]); v != 0x0100 {
		return nil, fmt.Errorf("MAT-file of version %#x; save it with -v7", v)
	}
	for {
		e, err := m.next(in)
		if err == io.EOF {
			return m.found, nil
		}
		if err == nil {
			err = m.variable(e)
		}
		if err != nil {
			return nil, fmt.Errorf("MAT-file: %w", err)
		}
	}
}

type matReader struct {
	order  binary.ByteOrder
	wanted func(string) bool
	found  map[string]matrix
	bytes  int64 // that may still be read
	values int   // that may still be kept
}

// element is a data element: its type and its bytes, without padding.
type element struct {
	kind uint32
	size int64
	data io.Reader
	pad  func() error // reads on to the next element
}

// next starts the next element of r; io.EOF means there is none.
func (m *matReader) next(r io.Reader) (element, error) {
	var tag [8]byte
	if _, err := io.ReadFull(r, tag[:1]); err != nil {
		if err == io.EOF {
			return element{}, io.EOF
		}
		return element{}, err
	}
	if _, err := io.ReadFull(r, tag[1:]); err != nil {
		return element{}, fmt.Errorf("tag: %w", truncated(err))
	}
	first := m.order.Uint32(tag[:])
	if small := first >> 16; small != 0 {
		if small > 4 {
			return element{}, fmt.Errorf("small element of %d bytes", small)
		}
		return element{first & 0xffff, int64(small), bytes.NewReader(tag[4 : 4+small]), func() error { return nil }}, nil
	}
	size := int64(m.order.Uint32(tag[4:]))
	if m.bytes -= size + 8; m.bytes < 0 {
		return element{}, fmt.Errorf("more than %d bytes", int64(maxMATBytes))
	}
	data := &io.LimitedReader{R: r, N: size}
	return element{first, size, data, func() error {
		left := data.N
		if first != miCompressed {
			left += (8 - size%8) % 8
		}
		n, err := io.Copy(io.Discard, io.LimitReader(r, left))
		if err == nil && n < left {
			err = io.ErrUnexpectedEOF
		}
		return err
	}}, nil
}

// variable reads a top-level element, compressed or not.
func (m *matReader) variable(e element) error {
	switch e.kind {
	case miCompressed:
		z, err := zlib.NewReader(e.data)
		if err != nil {
			return truncated(err)
		}
		inner, err := m.next(z)
		if err != nil {
			return truncated(err)
		}
		if inner.kind != miMatrix {
			return fmt.Errorf("compressed element of type %d", inner.kind)
		}
		if err := m.array(inner, "variable", 0); err != nil {
			return err
		}
		if err := inner.pad(); err != nil {
			return truncated(err)
		}
		// Its end is where the checksum is.
		if n, err := io.Copy(io.Discard, io.LimitReader(z, 1)); err != nil || n > 0 {
			return errors.Join(err, errors.New("compressed element does not end with its array"))
		}
	case miMatrix:
		if err := m.array(e, "variable", 0); err != nil {
			return err
		}
	}
	return e.pad()
}

// array reads an array, which lies at a place of that name in another one, or
// has a name of its own at depth 0.
func (m *matReader) array(e element, name string, depth int) error {
	if e.size == 0 { // an empty cell or field
		return nil
	}
	flags, err := m.integers(e.data, 2)
	if err != nil {
		return fmt.Errorf("%s: array flags: %w", name, err)
	}
	if len(flags) != 2 {
		return fmt.Errorf("%s: %d array flags", name, len(flags))
	}
	dims, err := m.integers(e.data, 32)
	if err != nil {
		return fmt.Errorf("%s: dimensions: %w", name, err)
	}
	count := int64(1)
	for _, d := range dims {
		if d < 0 || d > 0 && count > math.MaxInt32/d {
			return fmt.Errorf("%s: dimensions %v", name, dims)
		}
		count *= d
	}
	own, err := m.text(e.data, 64)
	if err != nil {
		return fmt.Errorf("%s: name: %w", name, err)
	}
	if depth == 0 && len(own) > 0 {
		name = string(own)
	}
	class := flags[0] & 0xff
	switch {
	case depth > maxMATDepth:
		return fmt.Errorf("%s: more than %d arrays one in another", name, maxMATDepth)
	case class == mxCell:
		if count > maxMATChildren {
			return fmt.Errorf("%s: %d cells", name, count)
		}
		for i := range count {
			if err := m.child(e.data, fmt.Sprintf("%s{%d}", name, i+1), depth); err != nil {
				return err
			}
		}
	case class == mxStruct:
		return m.fields(e.data, name, count, depth)
	case class >= mxDouble && class <= mxUint64 && len(dims) == 2 && m.wanted(name):
		return m.numbers(e.data, name, int(dims[0]), int(dims[1]))
	}
	return nil
}

// child reads the next array inside another one.
func (m *matReader) child(r io.Reader, name string, depth int) error {
	e, err := m.next(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated(err))
	}
	if e.kind != miMatrix {
		return fmt.Errorf("%s: element of type %d for an array", name, e.kind)
	}
	if err := m.array(e, name, depth+1); err != nil {
		return err
	}
	if err := e.pad(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// fields reads the fields of a struct array of count structs.
func (m *matReader) fields(r io.Reader, name string, count int64, depth int) error {
	width, err := m.integers(r, 1)
	if err != nil {
		return fmt.Errorf("%s: length of field names: %w", name, err)
	}
	if len(width) != 1 || width[0] < 1 || width[0] > 256 {
		return fmt.Errorf("%s: length of field names %v", name, width)
	}
	names, err := m.text(r, maxMATChildren)
	if err != nil {
		return fmt.Errorf("%s: field names: %w", name, err)
	}
	n := len(names) / int(width[0])
	if count > int64(maxMATChildren/max(n, 1)) {
		return fmt.Errorf("%s: %d structs of %d fields", name, count, n)
	}
	for i := range count {
		prefix := name
		if count > 1 {
			prefix = fmt.Sprintf("%s(%d)", name, i+1)
		}
		for f := range n {
			field, _, _ := bytes.Cut(names[f*int(width[0]):(f+1)*int(width[0])], []byte{0})
			if err := m.child(r, prefix+"."+string(field), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// numbers reads the real part of an array, in whatever type it is stored.
func (m *matReader) numbers(r io.Reader, name string, rows, columns int) error {
	e, err := m.next(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, truncated(err))
	}
	width, ok := miSizes[e.kind]
	if !ok || e.size != int64(rows)*int64(columns)*int64(width) {
		return fmt.Errorf("%s: %d bytes of type %d for %d×%d numbers", name, e.size, e.kind, rows, columns)
	}
	a := matrix{rows: rows}
	if rows == 0 {
		columns = 0
	}
	raw := make([]byte, min(1<<15, rows)*width)
	for range columns {
		var column []float64
		zeros := 0
		for at := 0; at < rows; {
			part := raw[:min(len(raw), (rows-at)*width)]
			if _, err := io.ReadFull(e.data, part); err != nil {
				return fmt.Errorf("%s: %w", name, truncated(err))
			}
			for i := 0; i < len(part); i += width {
				v := m.number(e.kind, part[i:])
				if v == 0 {
					zeros++
					continue
				}
				if m.values -= zeros + 1; m.values < 0 {
					return fmt.Errorf("%s: more than %d numbers in all", name, maxMATValues)
				}
				for ; zeros > 0; zeros-- {
					column = append(column, 0)
				}
				column = append(column, v)
			}
			at += len(part) / width
		}
		a.columns = append(a.columns, column)
	}
	m.found[name] = a
	return e.pad()
}

func (m *matReader) number(kind uint32, b []byte) float64 {
	switch kind {
	case 1:
		return float64(int8(b[0]))
	case 2:
		return float64(b[0])
	case 3:
		return float64(int16(m.order.Uint16(b)))
	case 4:
		return float64(m.order.Uint16(b))
	case 5:
		return float64(int32(m.order.Uint32(b)))
	case 6:
		return float64(m.order.Uint32(b))
	case 7:
		return float64(math.Float32frombits(m.order.Uint32(b)))
	case 9:
		return math.Float64frombits(m.order.Uint64(b))
	case 12:
		return float64(int64(m.order.Uint64(b)))
	default: // 13
		return float64(m.order.Uint64(b))
	}
}

// integers reads an element of 32-bit integers, at most limit. Some writers
// take unsigned ones where the format says signed.
func (m *matReader) integers(r io.Reader, limit int) ([]int64, error) {
	e, err := m.next(r)
	if err != nil {
		return nil, truncated(err)
	}
	if e.kind != 5 && e.kind != 6 || e.size%4 != 0 || e.size > int64(4*limit) {
		return nil, fmt.Errorf("element of type %d with %d bytes", e.kind, e.size)
	}
	raw := make([]byte, e.size)
	if _, err := io.ReadFull(e.data, raw); err != nil {
		return nil, truncated(err)
	}
	out := make([]int64, len(raw)/4)
	for i := range out {
		out[i] = int64(m.number(e.kind, raw[4*i:]))
	}
	return out, e.pad()
}

// text reads an element of characters, at most limit bytes.
func (m *matReader) text(r io.Reader, limit int64) ([]byte, error) {
	e, err := m.next(r)
	if err != nil {
		return nil, truncated(err)
	}
	if miSizes[e.kind] != 1 && e.kind != miUTF8 || e.size > limit {
		return nil, fmt.Errorf("element of type %d with %d bytes", e.kind, e.size)
	}
	raw := make([]byte, e.size)
	if _, err := io.ReadFull(e.data, raw); err != nil {
		return nil, truncated(err)
	}
	return raw, e.pad()
}

// truncated names an end of file for what it is inside an element.
func truncated(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
