package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// rewrite makes an ONNX file whole for ONNX Runtime: weights that were in
// other files are put into it, and values given for inputs become weights.
// Everything else stays byte for byte.
func rewrite(file []byte, g *graph, given map[string]*constant) ([]byte, error) {
	held := map[string][]byte{}
	for _, t := range g.initializers {
		if t.external != nil {
			held[t.name] = t.raw
		}
	}
	if len(held) == 0 && len(given) == 0 {
		return file, nil
	}
	return mapFields(file, 7, func(graph []byte) ([]byte, error) {
		out, err := mapFields(graph, 5, func(t []byte) ([]byte, error) {
			read, err := readTensor(t)
			if err != nil {
				return nil, err
			}
			if _, replaced := given[read.name]; replaced {
				return nil, nil
			}
			raw, outside := held[read.name]
			if !outside {
				return t, nil
			}
			return encodeTensor(read.name, read.dtype, read.dims, raw), nil
		})
		for name, c := range given {
			out = protowire.AppendTag(out, 5, protowire.BytesType)
			out = protowire.AppendBytes(out, encodeTensor(name, c.elem, toInt64s(c.dims), c.bytes()))
		}
		return out, err
	})
}

// mapFields replaces the length-delimited fields of a number; nil drops one.
func mapFields(b []byte, number protowire.Number, f func(data []byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeField(b)
		if size < 0 {
			return nil, errNotONNX
		}
		field := b[:size]
		b = b[size:]
		if n != number || kind != protowire.BytesType {
			out = append(out, field...)
			continue
		}
		_, _, tag := protowire.ConsumeTag(field)
		data, _ := protowire.ConsumeBytes(field[tag:])
		data, err := f(data)
		if err != nil {
			return nil, err
		}
		if data != nil {
			out = protowire.AppendTag(out, n, protowire.BytesType)
			out = protowire.AppendBytes(out, data)
		}
	}
	return out, nil
}

func encodeTensor(name string, dtype int64, dims []int64, raw []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(d))
	}
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(dtype))
	b = protowire.AppendTag(b, 8, protowire.BytesType)
	b = protowire.AppendString(b, name)
	b = protowire.AppendTag(b, 9, protowire.BytesType)
	return protowire.AppendBytes(b, raw)
}

func toInt64s(v []int) []int64 {
	out := make([]int64, len(v))
	for i := range v {
		out[i] = int64(v[i])
	}
	return out
}

// bytes are the values in their ONNX type, little-endian.
func (c *constant) bytes() []byte {
	var b []byte
	little := binary.LittleEndian
	for _, v := range c.f {
		switch c.elem {
		case typeFloat16:
			b = little.AppendUint16(b, toHalf(v))
		case typeBF16:
			bits := math.Float32bits(v)
			b = little.AppendUint16(b, uint16((bits+0x7fff+bits>>16&1)>>16))
		case typeDouble:
			b = little.AppendUint64(b, math.Float64bits(float64(v)))
		default:
			b = little.AppendUint32(b, math.Float32bits(v))
		}
	}
	for _, v := range c.i {
		switch elementSize[c.elem] {
		case 1:
			b = append(b, byte(v))
		case 2:
			b = little.AppendUint16(b, uint16(v))
		case 4:
			b = little.AppendUint32(b, uint32(v))
		default:
			b = little.AppendUint64(b, uint64(v))
		}
	}
	for _, v := range c.b {
		if v {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}
