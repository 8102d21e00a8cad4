package nrqm

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/weights"
)

func TestImport(t *testing.T) {
	data, err := os.ReadFile("testdata/literal.mat")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Import(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Import(bytes.NewReader(data))
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("imported twice the bytes differ, %v", err)
	}
	dict, _, err := weights.DecodeSafetensors64(got)
	if err != nil {
		t.Fatal(err)
	}
	want := literal()
	for name, tensor := range want {
		if len(tensor.Shape) == 2 { // the node that the tree does not use is gone
			tensor.Shape, tensor.Data = []int{1, 5}, tensor.Data[:5]
		}
		if !reflect.DeepEqual(dict[name], tensor) {
			t.Errorf("%s: got %v, want %v", name, dict[name], tensor)
		}
	}
	if len(dict) != len(want) {
		t.Errorf("%d tensors, want %d", len(dict), len(want))
	}
}

func TestImportRefuses(t *testing.T) {
	whole, err := os.ReadFile("testdata/literal.mat")
	if err != nil {
		t.Fatal(err)
	}
	m := matWriter{binary.LittleEndian}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "header: unexpected EOF"},
		"a cut file":     {whole[:len(whole)-9], "unexpected EOF"},
		"another file":   {bytes.Repeat([]byte("GIF89a"), 30), "no MAT-file"},
		"version 7.3":    {m.header(0x0200), "save it with -v7"},
		"no variables":   {m.header(0x0100), "model.linear of 4 values is missing"},
		"other data":     {m.file(m.numbers("model", 9, 1, 1, 1.0)), "model.linear of 4 values is missing"},
		"no forests":     {m.file(m.structure("model", []string{"linear"}, m.numbers("", 9, 4, 1, 1.0, 2.0, 3.0, 4.0))), "model.rf{1}"},
		"a long linear":  {m.file(m.structure("model", []string{"linear"}, m.array("", mxDouble, 1<<16, 1, m.element(2, make([]byte, 1<<16))))), "model.linear of 4 values"},
		"many trees":     {m.file(compressed(m, m.modelOf(1<<18, 1))), "ndtree has more than"},
		"many nodes":     {m.file(compressed(m, m.modelOf(1<<10, 1<<15))), "1024 trees of 32768 nodes"},
		"broken deflate": {append(m.header(0x0100), m.element(miCompressed, []byte("no zlib stream"))...), "zlib"},
	} {
		_, err := Import(bytes.NewReader(c.data))
		if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want ErrModel with %q", name, err, c.want)
		}
	}
}

// matWriter writes MAT-files, well formed or not.
type matWriter struct{ order binary.ByteOrder }

func (m matWriter) header(version uint16) []byte {
	h := bytes.Repeat([]byte{' '}, 128)
	m.order.PutUint16(h[124:], version)
	copy(h[126:], "IM")
	if m.order == binary.ByteOrder(binary.BigEndian) {
		copy(h[126:], "MI")
	}
	return h
}

func (m matWriter) file(elements ...[]byte) []byte {
	return append(m.header(0x0100), bytes.Join(elements, nil)...)
}

func (m matWriter) element(kind int, data []byte) []byte {
	var out bytes.Buffer
	if n := len(data); n > 0 && n <= 4 && kind < miMatrix { // the small format
		binary.Write(&out, m.order, uint32(n)<<16|uint32(kind))
		out.Write(append(slices.Clone(data), make([]byte, 4-n)...))
		return out.Bytes()
	}
	binary.Write(&out, m.order, []uint32{uint32(kind), uint32(len(data))})
	out.Write(data)
	if kind != miCompressed {
		out.Write(make([]byte, (8-len(data)%8)%8))
	}
	return out.Bytes()
}

func (m matWriter) bytes(values any) []byte {
	var out bytes.Buffer
	if err := binary.Write(&out, m.order, values); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func (m matWriter) array(name string, class int, rows, columns int, content ...[]byte) []byte {
	return m.element(miMatrix, slices.Concat(
		m.element(6, m.bytes([]uint32{uint32(class), 0})),
		m.element(5, m.bytes([]int32{int32(rows), int32(columns)})),
		m.element(1, []byte(name)),
		bytes.Join(content, nil)))
}

// numbers stores values as element type kind, whatever their class.
func (m matWriter) numbers(name string, kind, rows, columns int, values ...float64) []byte {
	var data []byte
	for _, v := range values {
		switch kind {
		case 1:
			data = append(data, byte(int8(v)))
		case 2:
			data = append(data, byte(v))
		case 3:
			data = append(data, m.bytes(int16(v))...)
		case 4:
			data = append(data, m.bytes(uint16(v))...)
		case 5:
			data = append(data, m.bytes(int32(v))...)
		case 6:
			data = append(data, m.bytes(uint32(v))...)
		case 7:
			data = append(data, m.bytes(float32(v))...)
		case 9:
			data = append(data, m.bytes(v)...)
		case 12:
			data = append(data, m.bytes(int64(v))...)
		case 13:
			data = append(data, m.bytes(uint64(v))...)
		}
	}
	return m.array(name, mxDouble, rows, columns, m.element(kind, data))
}

func (m matWriter) structure(name string, fields []string, values ...[]byte) []byte {
	var names []byte
	for _, f := range fields {
		names = append(names, append([]byte(f), make([]byte, 32-len(f))...)...)
	}
	return m.array(name, mxStruct, 1, len(values)/len(fields), m.element(5, m.bytes(int32(32))), m.element(1, names), bytes.Join(values, nil))
}

// modelOf is a model whose first forest has says it has so many trees and nodes.
func (m matWriter) modelOf(trees, nodes int) []byte {
	counts := m.array("", mxDouble, trees, 1, m.element(4, bytes.Repeat(m.bytes(uint16(nodes)), trees)))
	zeros := m.numbers("", 2, 1, 1, 0)
	forest := m.structure("", []string{"ndtree", "lDau", "rDau", "mbest", "upper", "avnode"}, counts, zeros, zeros, zeros, zeros, zeros)
	return m.structure("model", []string{"linear", "rf"}, m.numbers("", 2, 4, 1, 1, 2, 3, 4), m.array("", mxCell, 1, 1, forest))
}

func compressed(m matWriter, element []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(element)
	z.Close()
	return m.element(miCompressed, out.Bytes())
}

func everything(string) bool { return true }

func TestReadMAT(t *testing.T) {
	for _, m := range []matWriter{{binary.LittleEndian}, {binary.BigEndian}} {
		var elements [][]byte
		want := map[string]matrix{}
		for name, kind := range map[string]int{"int8": 1, "int16": 3, "int32": 5, "single": 7, "double": 9, "int64": 12} {
			elements = append(elements, m.numbers(name, kind, 3, 2, -1, 0, 2, 0, 5, 0))
			want[name] = matrix{3, [][]float64{{-1, 0, 2}, {0, 5}}}
		}
		for name, kind := range map[string]int{"uint8": 2, "uint16": 4, "uint32": 6, "uint64": 13} {
			elements = append(elements, compressed(m, m.numbers(name, kind, 2, 2, 0, 0, 200, 3)))
			want[name] = matrix{2, [][]float64{nil, {200, 3}}}
		}
		elements = append(elements,
			m.array("c", mxCell, 2, 1,
				m.element(miMatrix, nil), // an empty cell
				m.structure("", []string{"a", "b"}, m.numbers("", 9, 1, 1, 7), m.array("", 4, 1, 2, m.element(4, []byte("x\x00y\x00"))))),
			m.structure("s", []string{"f"}, m.numbers("", 2, 1, 1, 1), m.numbers("", 2, 1, 1, 2)),
			m.array("sparse", 5, 3, 3, m.element(5, m.bytes([]int32{0})), m.element(9, m.bytes(1.0))),
			m.numbers("empty", 9, 0, 3))
		want["c{2}.a"] = matrix{1, [][]float64{{7}}}
		want["s(1).f"] = matrix{1, [][]float64{{1}}}
		want["s(2).f"] = matrix{1, [][]float64{{2}}}
		want["empty"] = matrix{}
		got, err := readMAT(bytes.NewReader(m.file(elements...)), everything)
		if err != nil {
			t.Fatalf("%v: %v", m.order, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %v, want %v", m.order, got, want)
		}
		got, err = readMAT(bytes.NewReader(m.file(elements...)), func(name string) bool { return name == "c{2}.a" })
		if err != nil || len(got) != 1 || len(got["c{2}.a"].columns) != 1 {
			t.Errorf("%v: one array wanted: got %v, %v", m.order, got, err)
		}
	}
}

func TestReadMATRefuses(t *testing.T) {
	m := matWriter{binary.LittleEndian}
	deep := m.numbers("", 9, 1, 1, 1)
	for range maxMATDepth + 1 {
		deep = m.array("deep", mxCell, 1, 1, deep)
	}
	cut := m.numbers("cut", 9, 2, 2, 1, 2, 3, 4)
	for name, c := range map[string]struct {
		element []byte
		want    string
	}{
		"too few numbers":     {m.numbers("a", 9, 2, 2, 1, 2, 3), "24 bytes of type 9 for 2×2"},
		"too many numbers":    {m.numbers("a", 9, 1, 1, 1, 2), "16 bytes of type 9 for 1×1"},
		"numbers of no type":  {m.array("a", mxDouble, 1, 1, m.element(8, make([]byte, 8))), "type 8"},
		"no numbers":          {m.array("a", mxDouble, 1, 1), "unexpected EOF"},
		"huge dimensions":     {m.array("a", mxDouble, math.MaxInt32, math.MaxInt32), "dimensions"},
		"negative dimensions": {m.array("a", mxDouble, -1, 1), "dimensions"},
		"huge array":          {m.array("a", mxDouble, 1<<15, 1<<15, m.bytes([]uint32{2, 1 << 30})), "unexpected EOF"},
		"many cells":          {m.array("a", mxCell, 1<<15, 1<<15), "cells"},
		"missing cells":       {m.array("a", mxCell, 3, 1), "unexpected EOF"},
		"many structs":        {m.array("a", mxStruct, 1<<15, 1<<15, m.element(5, m.bytes(int32(32))), m.element(1, nil)), "structs"},
		"field names of 0":    {m.array("a", mxStruct, 1, 1, m.element(5, m.bytes(int32(0))), m.element(1, nil)), "length of field names"},
		"cells of no arrays":  {m.array("a", mxCell, 1, 1, m.element(5, make([]byte, 8))), "for an array"},
		"too deep":            {deep, "one in another"},
		"cut":                 {cut[:len(cut)-8], "unexpected EOF"},
		"a cut tag":           {cut[:5], "unexpected EOF"},
		"small but large":     {m.bytes([]uint32{5<<16 | 1, 0}), "small element of 5"},
		"compressed numbers":  {compressed(m, m.element(9, make([]byte, 8))), "compressed element of type 9"},
		"two compressed":      {compressed(m, slices.Concat(cut, cut)), "does not end"},
	} {
		_, err := readMAT(bytes.NewReader(m.file(c.element)), everything)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	// A bomb: bytes that are there, but more than are read.
	r := &matReader{order: binary.LittleEndian, bytes: 100}
	if _, err := r.next(io.MultiReader(bytes.NewReader(m.bytes([]uint32{9, 200})), bytes.NewReader(make([]byte, 200)))); err == nil {
		t.Error("200 bytes of at most 100: no error")
	}
	few := &matReader{order: binary.LittleEndian, wanted: everything, found: map[string]matrix{}, bytes: 1 << 20, values: 3}
	e, err := few.next(bytes.NewReader(cut))
	if err != nil {
		t.Fatal(err)
	}
	if err := few.variable(e); err == nil || !strings.Contains(err.Error(), "numbers in all") {
		t.Errorf("4 numbers of at most 3: got %v", err)
	}
}

func FuzzImport(f *testing.F) {
	whole, err := os.ReadFile("testdata/literal.mat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	m := matWriter{binary.BigEndian}
	f.Add(m.file(
		m.structure("model", []string{"rf", "linear"},
			m.array("", mxCell, 1, 1, m.structure("", []string{"lDau", "ndtree"}, m.numbers("", 5, 2, 1, 1, 0), m.numbers("", 5, 1, 1, 2))),
			m.numbers("", 9, 4, 1, 1, 2, 3, 4)),
		compressed(m, m.numbers("other", 2, 2, 2, 1, 2, 3, 4))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := readMAT(bytes.NewReader(data), everything); err != nil && strings.Contains(err.Error(), "%!") {
			t.Errorf("ill-formed message %v", err)
		}
		if out, err := Import(bytes.NewReader(data)); err == nil {
			if _, err := DecodeModel(out); err != nil {
				t.Errorf("imported, but: %v", err)
			}
		}
	})
}
