package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"
)

func idx(axes byte, sizes []uint32, body int) []byte {
	b := []byte{0, 0, 8, axes}
	for _, s := range sizes {
		b = binary.BigEndian.AppendUint32(b, s)
	}
	return append(b, make([]byte, body)...)
}

func TestReadIDX(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(idx(3, []uint32{2, 28, 28}, 2*28*28))
	z.Close()
	for name, c := range map[string]struct {
		data []byte
		axes int
		ok   bool
	}{
		"plain":         {idx(1, []uint32{3}, 3), 1, true},
		"gzip":          {zipped.Bytes(), 3, true},
		"empty":         {nil, 1, false},
		"text":          {[]byte("not an idx file"), 1, false},
		"other axes":    {idx(1, []uint32{3}, 3), 3, false},
		"cut":           {idx(1, []uint32{3}, 2), 1, false},
		"too long":      {idx(1, []uint32{3}, 4), 1, false},
		"huge":          {idx(3, []uint32{1 << 31, 1 << 31, 1 << 31}, 0), 3, false},
		"size zero":     {idx(1, []uint32{0}, 0), 1, false},
		"gzip of a cut": {zipped.Bytes()[:zipped.Len()/2], 3, false},
	} {
		if _, _, err := readIDX(c.data, c.axes); (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx(1, []uint32{3}, 3), 1)
	f.Add(idx(3, []uint32{1, 2, 3}, 6), 3)
	f.Fuzz(func(t *testing.T, data []byte, axes int) {
		if axes < 0 || axes > 4 {
			return
		}
		shape, body, err := readIDX(data, axes)
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != len(body) {
			t.Errorf("shape %v with %d bytes", shape, len(body))
		}
	})
}
