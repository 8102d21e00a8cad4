// Package npy reads NumPy's .npy and .npz files, versions 1 to 3 of
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
//
// It reads little-endian numbers in C order: float16, float32, float64,
// int32, int64, uint8, uint16 and bool. Everything else, Python objects
// included, is an error.
package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// MaxBytes is the largest file, and the largest member of a .npz, that is
// read.
const MaxBytes = 4 << 30

// An Array is an n-dimensional array in C order (last index fastest).
type Array struct {
	Shape []int  // empty for a scalar
	DType string // "float32", "uint8", …
	raw   []byte // little-endian values
}

// dtypes maps the header's descr to NumPy's name and the width in bytes.
var dtypes = map[string]struct {
	name string
	size int
}{
	"<f2": {"float16", 2},
	"<f4": {"float32", 4},
	"<f8": {"float64", 8},
	"<i4": {"int32", 4},
	"<i8": {"int64", 8},
	"<u2": {"uint16", 2},
	"|u1": {"uint8", 1},
	"|b1": {"bool", 1},
}

var (
	descrRE   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fortranRE = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeRE   = regexp.MustCompile(`'shape'\s*:\s*\(([^()]*)\)`)
)

// ReadFile reads a .npy file.
func ReadFile(path string) (*Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	a, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return a, nil
}

// ReadZip reads every array of a .npz file; the keys are the member names
// without ".npy".
func ReadZip(path string) (map[string]*Array, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer z.Close()
	arrays := map[string]*Array{}
	for _, member := range z.File {
		a, err := readMember(member)
		if err != nil {
			return nil, fmt.Errorf("read %s: array %q: %w", path, member.Name, err)
		}
		arrays[strings.TrimSuffix(member.Name, ".npy")] = a
	}
	return arrays, nil
}

func readMember(member *zip.File) (*Array, error) {
	r, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := readAll(r)
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// readAll reads r to its end and refuses more than MaxBytes.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("larger than %d bytes", int64(MaxBytes))
	}
	return b, nil
}

// Parse returns the array held by the bytes of a .npy file. The array shares
// b's memory.
func Parse(b []byte) (*Array, error) {
	header, data, err := splitHeader(b)
	if err != nil {
		return nil, err
	}
	descr := descrRE.FindStringSubmatch(header)
	fortran := fortranRE.FindStringSubmatch(header)
	shape := shapeRE.FindStringSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return nil, fmt.Errorf("header %.80q lacks a plain descr, fortran_order or shape", header)
	}
	dtype, ok := dtypes[descr[1]]
	if !ok {
		return nil, fmt.Errorf("number format %q is not supported", descr[1])
	}
	a := &Array{DType: dtype.name, raw: data}
	size := dtype.size // in bytes; at most len(data) while no dimension is 0
	empty := false
	for _, s := range strings.Split(shape[1], ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("shape (%s): bad dimension %q", shape[1], s)
		}
		a.Shape = append(a.Shape, n)
		switch {
		case n == 0:
			empty = true
		case !empty && size > len(data)/n:
			return nil, fmt.Errorf("shape (%s) of %s needs more than the %d bytes there are", shape[1], dtype.name, len(data))
		case !empty:
			size *= n
		}
	}
	if empty {
		size = 0
	}
	if size != len(data) {
		return nil, fmt.Errorf("shape (%s) of %s needs %d bytes, got %d", shape[1], dtype.name, size, len(data))
	}
	if fortran[1] == "True" && len(a.Shape) > 1 {
		return nil, errors.New("fortran order is not supported")
	}
	return a, nil
}

// splitHeader checks magic and version and returns the header and the data
// after it.
func splitHeader(b []byte) (header string, data []byte, err error) {
	if len(b) < 10 || !bytes.HasPrefix(b, []byte("\x93NUMPY")) {
		return "", nil, errors.New("not a .npy file")
	}
	var n uint64
	rest := b[10:]
	switch b[6] {
	case 1:
		n = uint64(binary.LittleEndian.Uint16(b[8:]))
	case 2, 3:
		if len(b) < 12 {
			return "", nil, errors.New("truncated header")
		}
		n, rest = uint64(binary.LittleEndian.Uint32(b[8:])), b[12:]
	default:
		return "", nil, fmt.Errorf(".npy version %d is not supported", b[6])
	}
	if n > uint64(len(rest)) {
		return "", nil, errors.New("truncated header")
	}
	return string(rest[:n]), rest[n:], nil
}

// Len returns the number of values.
func (a *Array) Len() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// Float32 returns the values as float32; wider ones are rounded.
func (a *Array) Float32() []float32 { return values[float32](a) }

// Float64 returns the values as float64.
func (a *Array) Float64() []float64 { return values[float64](a) }

// Int64 returns the values as int64; fractions are cut off.
func (a *Array) Int64() []int64 { return values[int64](a) }

// Uint8 returns the values as bytes; it is meant for uint8 and bool arrays,
// values of others are cut to 8 bits as Go's conversion does.
func (a *Array) Uint8() []uint8 { return values[uint8](a) }

func values[T float32 | float64 | int64 | uint8](a *Array) []T {
	out := make([]T, a.Len())
	le := binary.LittleEndian
	for i := range out {
		switch a.DType {
		case "float16":
			out[i] = T(half(le.Uint16(a.raw[2*i:])))
		case "float32":
			out[i] = T(math.Float32frombits(le.Uint32(a.raw[4*i:])))
		case "float64":
			out[i] = T(math.Float64frombits(le.Uint64(a.raw[8*i:])))
		case "int32":
			out[i] = T(int32(le.Uint32(a.raw[4*i:])))
		case "int64":
			out[i] = T(int64(le.Uint64(a.raw[8*i:])))
		case "uint16":
			out[i] = T(le.Uint16(a.raw[2*i:]))
		default: // uint8, bool
			out[i] = T(a.raw[i])
		}
	}
	return out
}

// half returns the value of an IEEE 754 binary16.
func half(h uint16) float64 {
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(frac, -24)
	case 0x1f:
		v = math.Inf(1)
		if frac != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(frac+1024, exp-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	return v
}
