package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// constant is a value of a graph that is known before it runs: a weight, or
// what follows from the shapes of the inputs. Floats of all widths are held
// and computed as float32, integers of all widths as int64; elem keeps the
// ONNX type, whose range QuantizeLinear rounds to.
type constant struct {
	dims []int
	elem int64
	f    []float32
	i    []int64
	b    []bool
}

// DataTypes of TensorProto.
const (
	typeFloat   = 1
	typeUint8   = 2
	typeInt8    = 3
	typeUint16  = 4
	typeInt16   = 5
	typeInt32   = 6
	typeInt64   = 7
	typeBool    = 9
	typeFloat16 = 10
	typeDouble  = 11
	typeUint32  = 12
	typeUint64  = 13
	typeBF16    = 16
)

// dtypeOf is the type that values of an ONNX type are computed in.
func dtypeOf(elem int64) (dtypes.DType, error) {
	switch elem {
	case typeFloat, typeFloat16, typeDouble, typeBF16:
		return dtypes.Float32, nil
	case typeUint8, typeInt8, typeUint16, typeInt16, typeInt32, typeInt64, typeUint32, typeUint64:
		return dtypes.Int64, nil
	case typeBool:
		return dtypes.Bool, nil
	}
	return dtypes.InvalidDType, fmt.Errorf("the ONNX type %d is not supported", elem)
}

// constantOf reads a tensor that check has let through.
func constantOf(t *tensor) (*constant, error) {
	kind, err := dtypeOf(t.dtype)
	if err != nil {
		return nil, err
	}
	n, err := elements(t)
	if err != nil {
		return nil, err
	}
	c := &constant{dims: toInts(t.dims), elem: t.dtype}
	switch kind {
	case dtypes.Float32:
		c.f = make([]float32, n)
		for i := range c.f {
			c.f[i] = t.float(i)
		}
	case dtypes.Int64:
		c.i = make([]int64, n)
		for i := range c.i {
			c.i[i] = t.integer(i)
		}
	default:
		c.b = make([]bool, n)
		for i := range c.b {
			c.b[i] = t.integer(i) != 0
		}
	}
	return c, nil
}

func (t *tensor) float(i int) float32 {
	little := binary.LittleEndian
	switch {
	case t.dtype == typeFloat && len(t.raw) > 0:
		return math.Float32frombits(little.Uint32(t.raw[4*i:]))
	case t.dtype == typeDouble && len(t.raw) > 0:
		return float32(math.Float64frombits(little.Uint64(t.raw[8*i:])))
	case t.dtype == typeFloat && len(t.floats) > 0:
		return t.floats[i]
	case t.dtype == typeDouble && len(t.doubles) > 0:
		return float32(t.doubles[i])
	}
	var bits uint16
	if len(t.raw) > 0 {
		bits = little.Uint16(t.raw[2*i:])
	} else {
		bits = uint16(t.int32s[i])
	}
	if t.dtype == typeBF16 {
		return math.Float32frombits(uint32(bits) << 16)
	}
	return fromHalf(bits)
}

func (t *tensor) integer(i int) int64 {
	little := binary.LittleEndian
	if len(t.raw) == 0 {
		for _, list := range [][]int64{t.int64s, t.int32s, t.uint64s} {
			if len(list) > 0 {
				return list[i]
			}
		}
	}
	switch t.dtype {
	case typeUint8, typeBool:
		return int64(t.raw[i])
	case typeInt8:
		return int64(int8(t.raw[i]))
	case typeUint16:
		return int64(little.Uint16(t.raw[2*i:]))
	case typeInt16:
		return int64(int16(little.Uint16(t.raw[2*i:])))
	case typeInt32:
		return int64(int32(little.Uint32(t.raw[4*i:])))
	case typeUint32:
		return int64(little.Uint32(t.raw[4*i:]))
	}
	return int64(little.Uint64(t.raw[8*i:]))
}

// fromHalf is the value of an IEEE 754 binary16.
func fromHalf(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits>>15)<<31, int(bits>>10&31), uint32(bits&1023)
	switch exponent {
	case 0:
		v := float32(fraction) / (1 << 24)
		if sign != 0 {
			v = -v
		}
		return v
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | uint32(exponent+112)<<23 | fraction<<13)
}

// toHalf rounds to the nearest binary16, ties to even.
func toHalf(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 255<<23: // NaN
		return sign | 0x7e00
	case magnitude >= 0x477ff000: // rounds beyond 65504
		return sign | 0x7c00
	case magnitude < 113<<23: // subnormal: in units of 2⁻²⁴
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(magnitude))*(1<<24)))
	}
	rounded := magnitude + 0xfff + magnitude>>13&1
	return sign | uint16(rounded>>13-112<<10)
}

func (c *constant) size() int { return len(c.f) + len(c.i) + len(c.b) }

func (c *constant) dtype() dtypes.DType {
	switch {
	case c.i != nil:
		return dtypes.Int64
	case c.b != nil:
		return dtypes.Bool
	}
	return dtypes.Float32
}

func (c *constant) shape() shapes.Shape { return shapes.Make(c.dtype(), c.dims...) }

// tensor copies the values.
func (c *constant) tensor() *tensors.Tensor {
	if c.size() == 0 {
		panic(fmt.Errorf("a value of shape %v without elements", c.dims))
	}
	switch c.dtype() {
	case dtypes.Int64:
		return tensors.FromFlatDataAndDimensions(c.i, c.dims...)
	case dtypes.Bool:
		return tensors.FromFlatDataAndDimensions(c.b, c.dims...)
	}
	return tensors.FromFlatDataAndDimensions(c.f, c.dims...)
}

func fromTensor(t *tensors.Tensor) *constant {
	c := &constant{dims: t.Shape().Dimensions}
	switch t.DType() {
	case dtypes.Int64:
		c.elem, c.i = typeInt64, tensors.MustCopyFlatData[int64](t)
	case dtypes.Bool:
		c.elem, c.b = typeBool, tensors.MustCopyFlatData[bool](t)
	case dtypes.Float32:
		c.elem, c.f = typeFloat, tensors.MustCopyFlatData[float32](t)
	default:
		panic(fmt.Errorf("a constant of type %s", t.DType()))
	}
	return c
}

func int64Constant(v ...int64) *constant {
	return &constant{dims: []int{len(v)}, elem: typeInt64, i: v}
}

func floatConstant(v []float32, dims ...int) *constant {
	return &constant{dims: dims, elem: typeFloat, f: v}
}
