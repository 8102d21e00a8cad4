package onnx

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// operators are those that are followed, each as https://onnx.ai/onnx/operators
// defines it. TestConformance compares every one with ONNX Runtime.
var operators map[string]func(c *call) []*value

// refused are operators that a sampler cannot have, with the reason.
var refused = map[string]string{
	"RandomNormal":      "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
	"RandomNormalLike":  "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
	"RandomUniform":     "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
	"RandomUniformLike": "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
	"Bernoulli":         "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
	"Multinomial":       "it draws noise of its own, so a sample would not depend on its seed alone: give the noise as an input",
}

func init() {
	operators = map[string]func(c *call) []*value{
		// one value after another
		"Abs": unary(Abs), "Neg": unary(Neg), "Exp": unary(Exp), "Log": unary(Log), "Sqrt": unary(Sqrt),
		"Reciprocal": unary(Reciprocal), "Floor": unary(floor), "Ceil": unary(ceil), "Round": unary(round), "Sign": unary(Sign),
		"Erf": unary(Erf), "Sin": unary(Sin), "Cos": unary(Cos), "Tanh": unary(Tanh), "Not": unary(LogicalNot),
		"Sigmoid": unary(Sigmoid), "Relu": unary(relu), "Softplus": unary(softplus), "Softsign": unary(func(x *Node) *Node { return Div(x, AddScalar(Abs(x), 1)) }),
		"Mish":      unary(func(x *Node) *Node { return Mul(x, Tanh(softplus(x))) }),
		"HardSwish": unary(func(x *Node) *Node { return Mul(x, ClipScalar(AddScalar(MulScalar(x, 1.0/6), 0.5), 0, 1)) }),
		"Identity":  identity, "Dropout": dropout, "Cast": cast, "Clip": clip,
		"LeakyRelu": leakyRelu, "PRelu": pRelu, "Elu": elu, "Selu": selu, "Celu": celu, "HardSigmoid": hardSigmoid,
		"ThresholdedRelu": thresholdedRelu, "Gelu": gelu,
		// two values
		"Add": pairwise(Add), "Sub": pairwise(Sub), "Mul": pairwise(Mul), "Div": pairwise(Div), "Pow": pow, "Mod": mod,
		"And": pairwise(LogicalAnd), "Or": pairwise(LogicalOr), "Xor": pairwise(LogicalXor), "Equal": pairwise(Equal),
		"Less": pairwise(LessThan), "LessOrEqual": pairwise(LessOrEqual), "Greater": pairwise(GreaterThan), "GreaterOrEqual": pairwise(GreaterOrEqual),
		"Min": many(Min), "Max": many(Max), "Sum": many(Add), "Mean": mean, "Where": where,
		// shapes
		"Constant": constantNode, "Shape": shapeNode, "Size": sizeNode, "ConstantOfShape": constantOfShape, "Range": rangeNode,
		"Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
		"Concat": concat, "Split": split, "Slice": slice, "Expand": expand, "Tile": tile, "Pad": pad,
		"DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth, "Trilu": trilu, "If": ifNode,
		// places
		"Gather": gather, "GatherElements": gatherElements, "GatherND": gatherND, "ScatterND": scatterND, "ScatterElements": scatterElements,
		"GridSample": gridSample, "Resize": resize, "CumSum": cumSum,
		// sums
		"ReduceSum": reduce(ReduceSum), "ReduceMean": reduce(ReduceMean), "ReduceMax": reduce(ReduceMax), "ReduceMin": reduce(ReduceMin), "ReduceProd": reduce(ReduceMultiply),
		"ReduceL1": reduce(func(x *Node, axes ...int) *Node { return ReduceSum(Abs(x), axes...) }), "ReduceL2": reduce(func(x *Node, axes ...int) *Node { return Sqrt(ReduceSum(Mul(x, x), axes...)) }),
		"ReduceSumSquare": reduce(func(x *Node, axes ...int) *Node { return ReduceSum(Mul(x, x), axes...) }),
		"ArgMax":          argument(ArgMax), "ArgMin": argument(ArgMin),
		"MatMul": matMul, "Gemm": gemm, "Einsum": einsum, "Conv": conv, "ConvTranspose": convTranspose,
		"MaxPool": maxPool, "AveragePool": averagePool, "GlobalAveragePool": globalPool(ReduceMean), "GlobalMaxPool": globalPool(ReduceMax),
		"BatchNormalization": batchNorm, "InstanceNormalization": instanceNorm, "LayerNormalization": layerNorm, "GroupNormalization": groupNorm,
		"Softmax": softmax, "LogSoftmax": logSoftmax,
		"QuantizeLinear": quantize, "DequantizeLinear": dequantize,
	}
}

func unary(f func(x *Node) *Node) func(c *call) []*value {
	return func(c *call) []*value { return one(f(c.x(0))) }
}

// together brings two values to one rank and type.
func (c *call) together(a, b *Node) (*Node, *Node) {
	rank := max(a.Rank(), b.Rank())
	if a.DType() != b.DType() {
		panic(fmt.Errorf("inputs of the types %s and %s", a.DType(), b.DType()))
	}
	return ExpandLeftToRank(a, rank), ExpandLeftToRank(b, rank)
}

func pairwise(f func(a, b *Node) *Node) func(c *call) []*value {
	return func(c *call) []*value { return one(f(c.together(c.x(0), c.x(1)))) }
}

func many(f func(a, b *Node) *Node) func(c *call) []*value {
	return func(c *call) []*value {
		y := c.x(0)
		for i := 1; i < len(c.in); i++ {
			y = f(c.together(y, c.x(i)))
		}
		return one(y)
	}
}

func mean(c *call) []*value {
	y := many(Add)(c)[0].node
	return one(DivScalar(y, float64(len(c.in))))
}

func identity(c *call) []*value { return kept(c.x(0), c.in[0].elem) }

func dropout(c *call) []*value {
	if c.has(2) {
		if k := c.constant(2); k.b == nil || k.b[0] {
			panic(fmt.Errorf("training_mode is not supported"))
		}
	}
	return one(c.x(0))
}

func isFloat(x *Node) bool { return x.DType() == dtypes.Float32 }

func floor(x *Node) *Node {
	if !isFloat(x) {
		return x
	}
	return Floor(x)
}

func ceil(x *Node) *Node {
	if !isFloat(x) {
		return x
	}
	return Ceil(x)
}

// round is to the nearest whole number, halves to the even one.
func round(x *Node) *Node {
	low := Floor(x)
	above := Sub(x, low)
	odd := Sub(low, MulScalar(Floor(MulScalar(low, 0.5)), 2))
	half := ConstAs(x, 0.5)
	up := LogicalOr(GreaterThan(above, half), LogicalAnd(Equal(above, half), Equal(odd, ScalarOne(x.Graph(), x.DType()))))
	return Add(low, ConvertDType(up, x.DType()))
}

func relu(x *Node) *Node { return Max(x, ScalarZero(x.Graph(), x.DType())) }

func belowZero(x *Node) *Node { return Min(x, ScalarZero(x.Graph(), x.DType())) }

// softplus is log(1+e^x) without overflow.
func softplus(x *Node) *Node { return Add(relu(x), Log(AddScalar(Exp(Neg(Abs(x))), 1))) }

func leakyRelu(c *call) []*value {
	x := c.x(0)
	return one(Add(relu(x), MulScalar(belowZero(x), c.float("alpha", 0.01))))
}

func pRelu(c *call) []*value {
	x, slope := c.together(c.x(0), c.x(1))
	return one(Add(relu(x), Mul(slope, belowZero(x))))
}

// expm1 is e^x-1 below zero, 0 above, so that nothing overflows.
func expm1Below(x *Node) *Node { return AddScalar(Exp(belowZero(x)), -1) }

func elu(c *call) []*value {
	x := c.x(0)
	return one(Add(relu(x), MulScalar(expm1Below(x), c.float("alpha", 1))))
}

func selu(c *call) []*value {
	x := c.x(0)
	alpha, gamma := c.float("alpha", float64(float32(1.67326319217681884765625))), c.float("gamma", float64(float32(1.05070102214813232421875)))
	return one(MulScalar(Add(relu(x), MulScalar(expm1Below(x), alpha)), gamma))
}

func celu(c *call) []*value {
	x, alpha := c.x(0), c.float("alpha", 1)
	return one(Add(relu(x), MulScalar(expm1Below(DivScalar(x, alpha)), alpha)))
}

func hardSigmoid(c *call) []*value {
	return one(ClipScalar(AddScalar(MulScalar(c.x(0), c.float("alpha", 0.2)), c.float("beta", 0.5)), 0, 1))
}

func thresholdedRelu(c *call) []*value {
	x := c.x(0)
	return one(Where(GreaterThan(x, ConstAs(x, c.float("alpha", 1))), x, ZerosLike(x)))
}

func gelu(c *call) []*value {
	x := c.x(0)
	switch form := c.text("approximate", "none"); form {
	case "none":
		return one(Mul(MulScalar(x, 0.5), AddScalar(Erf(MulScalar(x, math.Sqrt2/2)), 1)))
	case "tanh":
		inner := Add(x, MulScalar(Mul(x, Mul(x, x)), 0.044715))
		return one(Mul(MulScalar(x, 0.5), AddScalar(Tanh(MulScalar(inner, math.Sqrt(2/math.Pi))), 1)))
	default:
		panic(fmt.Errorf("approximate %.50q is not supported", form))
	}
}

func clip(c *call) []*value {
	x := c.x(0)
	if c.has(1) {
		x = Max(c.together(x, c.x(1)))
	}
	if c.has(2) {
		x = Min(c.together(x, c.x(2)))
	}
	return one(x)
}

// cast changes between floats, integers and truth values. Their widths are not
// followed: all floats are float32, all integers int64.
func cast(c *call) []*value {
	to := int64(c.integer("to", 0))
	kind, err := dtypeOf(to)
	if err != nil {
		panic(err)
	}
	x := c.x(0)
	switch {
	case kind == x.DType():
	case kind == dtypes.Bool:
		x = NotEqual(x, ScalarZero(x.Graph(), x.DType()))
	case kind == dtypes.Int64 && isFloat(x): // towards zero
		x = ConvertDType(Mul(Sign(x), Floor(Abs(x))), kind)
	default:
		x = ConvertDType(x, kind)
	}
	return kept(x, to)
}

func pow(c *call) []*value {
	x := c.x(0)
	if k := c.in[1].constant; k != nil && k.size() == 1 {
		e := 0.0
		if k.f != nil {
			e = float64(k.f[0])
		} else {
			e = float64(k.i[0])
		}
		if len(k.dims) <= x.Rank() {
			switch e {
			case 1:
				return one(x)
			case 2:
				return one(Mul(x, x))
			case 3:
				return one(Mul(x, Mul(x, x)))
			case 0.5:
				return one(Sqrt(x))
			}
		}
	}
	y := c.x(1)
	if y.DType() != x.DType() {
		y = ConvertDType(y, x.DType())
	}
	return one(Pow(c.together(x, y)))
}

// mod has the sign of the divisor for integers, and with fmod that of the
// dividend.
func mod(c *call) []*value {
	a, b := c.together(c.x(0), c.x(1))
	r := Sub(a, Mul(b, truncated(a, b)))
	if c.integer("fmod", 0) == 1 {
		return one(r)
	}
	if isFloat(a) {
		panic(fmt.Errorf("floats without fmod"))
	}
	zero := ScalarZero(a.Graph(), a.DType())
	wrong := LogicalAnd(NotEqual(r, zero), LogicalXor(LessThan(r, zero), LessThan(b, zero)))
	return one(Where(wrong, Add(r, BroadcastToShape(b, r.Shape())), r))
}

// truncated is a/b towards zero.
func truncated(a, b *Node) *Node {
	q := Div(a, b)
	if !isFloat(a) {
		return q
	}
	return Mul(Sign(q), Floor(Abs(q)))
}

func where(c *call) []*value {
	a, b := c.together(c.x(1), c.x(2))
	rank := max(a.Rank(), c.x(0).Rank())
	a, b, cond := ExpandLeftToRank(a, rank), ExpandLeftToRank(b, rank), ExpandLeftToRank(c.x(0), rank)
	dims := broadcastDims(a.Shape().Dimensions, b.Shape().Dimensions, cond.Shape().Dimensions)
	return one(Where(broadcastTo(cond, dims), broadcastTo(a, dims), broadcastTo(b, dims)))
}

// broadcastDims is the shape that lists of dimensions of one rank broadcast to.
func broadcastDims(lists ...[]int) []int {
	out := make([]int, len(lists[0]))
	for i := range out {
		out[i] = 1
		for _, l := range lists {
			switch {
			case l[i] == 1 || l[i] == out[i]:
			case out[i] == 1:
				out[i] = l[i]
			default:
				panic(fmt.Errorf("shapes %v do not go together", lists))
			}
		}
	}
	return out
}

// broadcastTo repeats the axes of length 1.
func broadcastTo(x *Node, dims []int) *Node {
	if x.Rank() == 0 && len(dims) == 0 {
		return x
	}
	return BroadcastToDims(x, dims...)
}
