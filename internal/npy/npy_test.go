package npy

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file returns a version 1 .npy file as numpy.save lays it out.
func file(descr, shape string, data []byte) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func TestParse(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		descr, shape string
		data         []byte
		dtype        string
		dims         []int
		want         []float64
	}{
		{"<f2", "(4,)", []byte{0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c}, "float16", []int{4}, []float64{1, -2, 0x1p-24, math.Inf(1)}},
		{"<f4", "(1, 2)", le.AppendUint32(le.AppendUint32(nil, math.Float32bits(1.5)), math.Float32bits(-3)), "float32", []int{1, 2}, []float64{1.5, -3}},
		{"<f8", "()", le.AppendUint64(nil, math.Float64bits(0.1)), "float64", nil, []float64{0.1}},
		{"<i8", "(1,)", []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "int64", []int{1}, []float64{-2}},
		{"<i4", "(1,)", []byte{0xfd, 0xff, 0xff, 0xff}, "int32", []int{1}, []float64{-3}},
		{"<u2", "(1,)", []byte{0xff, 0xff}, "uint16", []int{1}, []float64{65535}},
		{"|u1", "(2, 1, 2)", []byte{1, 2, 3, 255}, "uint8", []int{2, 1, 2}, []float64{1, 2, 3, 255}},
		{"|b1", "(2,)", []byte{1, 0}, "bool", []int{2}, []float64{1, 0}},
		{"<f4", "(0, 3)", nil, "float32", []int{0, 3}, []float64{}},
	} {
		t.Run(c.descr, func(t *testing.T) {
			a, err := Parse(file(c.descr, c.shape, c.data))
			if err != nil {
				t.Fatal(err)
			}
			if a.DType != c.dtype || !slices.Equal(a.Shape, c.dims) || !slices.Equal(a.Float64(), c.want) {
				t.Errorf("got %s %v %v, want %s %v %v", a.DType, a.Shape, a.Float64(), c.dtype, c.dims, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	whole := file("<f4", "(2,)", make([]byte, 8))
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":     {nil, "not a .npy"},
		"header":    {whole[:40], "truncated header"},
		"data":      {whole[:len(whole)-1], "bytes"},
		"trailing":  {append(slices.Clone(whole), 0), "needs 8 bytes, got 9"},
		"overflow":  {file("<f8", "(4294967296, 4294967296)", make([]byte, 8)), "needs more"},
		"negative":  {file("<f4", "(-1,)", nil), "bad dimension"},
		"object":    {file("|O", "(1,)", make([]byte, 8)), "not supported"},
		"bigendian": {file(">f4", "(1,)", make([]byte, 4)), "not supported"},
		"fortran":   {[]byte(strings.Replace(string(file("|u1", "(2, 2)", make([]byte, 4))), "False", "True ", 1)), "fortran"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	b := file("|u1", "(3,)", []byte{7, 8, 9})
	path := filepath.Join(dir, "a.npy")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := ReadFile(path)
	if err != nil || !slices.Equal(a.Uint8(), []uint8{7, 8, 9}) {
		t.Errorf("ReadFile: got %v, %v", a, err)
	}

	path = filepath.Join(dir, "b.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("x/y.npy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	m, err := ReadZip(path)
	if err != nil || len(m) != 1 || m["x/y"] == nil || !slices.Equal(m["x/y"].Int64(), []int64{7, 8, 9}) {
		t.Errorf("ReadZip: got %v, %v", m, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file("<f4", "(1, 2)", make([]byte, 8)))
	f.Add(file("<f2", "()", make([]byte, 2)))
	f.Add(file("|u1", "(0, 9223372036854775807)", nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Parse(b)
		if err != nil {
			return
		}
		if n := len(a.Float64()); n != a.Len() || n > len(b) {
			t.Errorf("%d values from %d bytes", n, len(b))
		}
	})
}
