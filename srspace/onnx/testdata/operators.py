"""Writes operators.zip: small ONNX graphs, one or a few for each operator that
srspace/onnx follows, with inputs and with the outputs of ONNX Runtime.

Needs numpy, onnx and onnxruntime. The folder CASE in the archive holds
model.onnx, NAME.npy of each input and NAME.npy of each output.
"""
import io, sys, zipfile
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper as nh

rng = np.random.default_rng(19)
KINDS = {np.dtype(k): v for k, v in [("float32", T.FLOAT), ("float16", T.FLOAT16), ("int64", T.INT64), ("int32", T.INT32), ("bool", T.BOOL), ("uint8", T.UINT8), ("int8", T.INT8)]}
out = zipfile.ZipFile(sys.argv[1] if len(sys.argv) > 1 else "operators.zip", "w", zipfile.ZIP_DEFLATED)
names = set()


def f32(*shape, low=-2.5, high=2.5):
    # few digits: the archive stays small, and sums still round
    return (np.round(rng.uniform(low, high, shape) * 256) / 256).astype(np.float32)


def i64(*v):
    return np.array(v, np.int64)


def write(name, model, inputs):
    assert name not in names, name
    names.add(name)
    if ", 18" not in name:  # the checker refuses GroupNormalization of opset 18, which exporters write
        onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, inputs)
    add = lambda file, data: out.writestr(zipfile.ZipInfo(f"{name}/{file}", (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    add("model.onnx", model.SerializeToString())
    for key, value in list(inputs.items()) + list(zip([o.name for o in session.get_outputs()], results)):
        assert value.size > 0 and (value.dtype != np.float32 or np.isfinite(value).all()), (name, value)
        if value.dtype == np.int8:  # the reader has no int8
            value = value.astype(np.int32)
        b = io.BytesIO()
        np.save(b, np.ascontiguousarray(value) if value.ndim else value)
        add(key + ".npy", b.getvalue())


def case(name, op, inputs, constants=(), opset=17, outputs=1, **attributes):
    """One node. inputs vary, constants are initializers; None leaves one out.
    Inputs come first, then constants."""
    given, held, order = {}, [], []
    for i, v in enumerate(list(inputs)):
        given[f"x{i}"] = v
        order.append(f"x{i}")
    for i, v in enumerate(constants):
        if v is None:
            order.append("")
            continue
        held.append(nh.from_array(np.asarray(v), f"k{i}"))
        order.append(f"k{i}")
    node = h.make_node(op, order, [f"y{i}" for i in range(outputs)], **attributes)
    graph(name, [node], given, held, [f"y{i}" for i in range(outputs)], opset)


def graph(name, nodes, given, held, outputs, opset=17):
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info(k, KINDS[v.dtype], v.shape) for k, v in given.items()],
                     [h.make_empty_tensor_value_info(o) for o in outputs], held)
    m = h.make_model(g, opset_imports=[h.make_opsetid("", opset)], ir_version=9)
    m = onnx.shape_inference.infer_shapes(m)
    for o in m.graph.output:
        if not o.type.WhichOneof("value"):
            o.CopyFrom(h.make_tensor_value_info(o.name, T.FLOAT, next(iter(given.values())).shape))
    write(name, m, given)


X = f32(2, 3, 5, 7)
# one value after another
for op in "Abs Neg Exp Floor Ceil Round Sign Erf Sin Cos Tanh Sigmoid Relu Softplus Softsign HardSwish Identity".split():
    case(op, op, [X])
case("Round, halves", "Round", [np.array([-2.5, -1.5, -.5, .5, 1.5, 2.5, 3.5, -0.2], np.float32)])
for op in ["Log", "Sqrt", "Reciprocal"]:
    case(op, op, [f32(2, 9, low=0.1)])
case("Not", "Not", [rng.random((3, 4)) > 0.5])
case("Mish", "Mish", [X * 8], opset=18)
case("Softplus, large", "Softplus", [X * 40])
case("Elu", "Elu", [X], alpha=0.7)
case("Elu, large", "Elu", [X * 100])
case("Selu", "Selu", [X])
case("Celu", "Celu", [X], alpha=1.7)
case("LeakyRelu", "LeakyRelu", [X])
case("LeakyRelu, alpha", "LeakyRelu", [X], alpha=0.2)
case("ThresholdedRelu", "ThresholdedRelu", [X], alpha=0.6)
case("HardSigmoid", "HardSigmoid", [X])
case("HardSigmoid, alpha", "HardSigmoid", [X], alpha=0.31, beta=0.4)
case("PRelu", "PRelu", [X], [f32(3, 1, 1)])
case("Gelu, none", "Gelu", [X], opset=20)
case("Gelu, tanh", "Gelu", [X], opset=20, approximate="tanh")
case("Dropout", "Dropout", [X])
case("Dropout, off", "Dropout", [X], [np.float32(0.5), np.bool_(False)])
case("Clip", "Clip", [X], [np.float32(-1), np.float32(0.5)])
case("Clip, above", "Clip", [X], [None, np.float32(0.5)])
case("Cast, to int", "Cast", [X], to=T.INT64)
case("Cast, to int32", "Cast", [X], to=T.INT32)
case("Cast, to bool", "Cast", [np.array([0, .3, -2, 0], np.float32)], to=T.BOOL)
case("Cast, from bool", "Cast", [rng.random((3, 4)) > 0.5], to=T.FLOAT)
case("Cast, from int", "Cast", [i64(3, -4, 7)], to=T.FLOAT)
# two values
for op in ["Add", "Sub", "Mul", "Div"]:
    case(op, op, [X, f32(3, 1, 7, low=0.5)])
    case(op + ", both spread", op, [f32(4, 1, 3), f32(5, 1, low=1)])
case("Div, integers", "Div", [i64(7, -7, 7, -7, 9), i64(2, 2, -2, -2, 3)])
case("Pow", "Pow", [f32(2, 5, low=0.1), f32(5)])
for e in [2, 0.5, 3, 1.7]:
    case(f"Pow, {e}", "Pow", [f32(2, 5, low=0.1)], [np.float32(e)])
case("Mod", "Mod", [i64(7, -7, 7, -7, 6, -6), i64(3, 3, -3, -3, 3, 3)])
case("Mod, fmod", "Mod", [f32(2, 6) * 3, f32(2, 6, low=0.5)], fmod=1)
B = rng.random((2, 3, 4)) > 0.5
for op in ["And", "Or", "Xor"]:
    case(op, op, [B, rng.random((3, 1)) > 0.5])
Q = np.round(X)
for op in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
    case(op, op, [Q, np.round(f32(5, 1))])
for op in ["Min", "Max", "Sum", "Mean"]:
    case(op, op, [X, f32(3, 1, 1), f32(5, 7)])
case("Where", "Where", [B, f32(3, 1), f32(2, 1, 4)])
case("Where, rank", "Where", [rng.random(4) > 0.5, f32(2, 3, 4), f32(1)])
# shapes; what follows from them is known before the graph runs
def shaped(name, op, x, **attributes):
    nodes = [h.make_node(op, ["x"], ["s"], **attributes), h.make_node("Cast", ["s"], ["c"], to=T.FLOAT), h.make_node("ReduceSum", ["x"], ["t"]), h.make_node("Add", ["c", "t"], ["y"])]
    graph(name, nodes, {"x": x}, [], ["y"])
shaped("Shape", "Shape", X)
shaped("Shape, part", "Shape", X, start=1, end=-1)
shaped("Size", "Size", X)
case("Reshape", "Reshape", [X], [i64(0, -1, 5)])
case("Reshape, allowzero", "Reshape", [f32(2, 6)], [i64(3, 4)], allowzero=1)
case("Flatten", "Flatten", [X], axis=2)
case("Flatten, end", "Flatten", [X], axis=-1)
case("Squeeze", "Squeeze", [f32(1, 3, 1, 4)], [i64(0, -2)])
case("Squeeze, all", "Squeeze", [f32(1, 3, 1, 4)])
case("Unsqueeze", "Unsqueeze", [f32(3, 4)], [i64(0, -1)])
case("Transpose", "Transpose", [X], perm=[2, 0, 3, 1])
case("Transpose, reversed", "Transpose", [f32(2, 3, 4)])
case("Concat", "Concat", [X, f32(2, 1, 5, 7)], axis=1)
case("Concat, last", "Concat", [f32(2, 3), f32(2, 4), f32(2, 1)], axis=-1)
case("Split, sizes", "Split", [X], [i64(1, 4)], outputs=2, axis=2)
case("Split, equal", "Split", [f32(2, 6)], outputs=3, axis=-1)
case("Split, num_outputs", "Split", [f32(2, 7)], outputs=3, axis=1, num_outputs=3, opset=18)
S = f32(5, 9, 11)
for i, (a, b, ax, st) in enumerate([
    ([1], [4], [0], [1]), ([0], [9], [1], [2]), ([-1], [-100], [1], [-1]), ([8], [0], [1], [-3]), ([-2], [1], [2], [-2]),
    ([2, -3], [-1, 100], [0, 2], [1, 1]), ([4, 10], [-6, -12], [0, 2], [-1, -1]), ([3], [2**31], [2], [3]), ([-1], [-2**63 + 1], [0], [-1]),
    ([100], [2], [1], [-2]), ([-100, 1], [3, -1], [1, -1], [1, 4])]):
    case(f"Slice, {i}", "Slice", [S], [i64(*a), i64(*b), i64(*ax), i64(*st)])
case("Slice, no axes", "Slice", [S], [i64(1, 2), i64(3, 5)])
case("Expand", "Expand", [f32(3, 1)], [i64(2, 1, 4)])
case("Expand, smaller", "Expand", [f32(2, 3, 4)], [i64(3, 1)])
case("Tile", "Tile", [f32(2, 3)], [i64(2, 3)])
for mode in ["reflect", "edge", "wrap", "constant"]:
    case(f"Pad, {mode}", "Pad", [X], [i64(0, 0, 2, 3, 0, 0, 1, 4)], mode=mode, opset=19)
case("Pad, value", "Pad", [X], [i64(0, 1, 2, 0, 0, 0, 0, 3), np.float32(1.5)])
case("Pad, cut", "Pad", [X], [i64(0, 0, -1, 2, 0, 0, -2, -3)])
case("Pad, axes", "Pad", [X], [i64(1, 2, 0, 3), None, i64(-1, 2)], mode="edge", opset=18)
case("Pad, wide reflect", "Pad", [f32(1, 1, 40, 40)], [i64(0, 0, 39, 30, 0, 0, 31, 39)], mode="reflect")
for mode in ["DCR", "CRD"]:
    case(f"DepthToSpace, {mode}", "DepthToSpace", [f32(2, 18, 2, 3)], blocksize=3, mode=mode)
case("SpaceToDepth", "SpaceToDepth", [f32(2, 2, 6, 9)], blocksize=3)
case("Trilu", "Trilu", [f32(2, 4, 5)])
case("Trilu, lower", "Trilu", [f32(2, 4, 5)], [np.int64(-1)], upper=0)
graph("ConstantOfShape, Range", [
    h.make_node("Shape", ["x"], ["s"], start=3), h.make_node("Squeeze", ["s"], ["n"]), h.make_node("Range", ["zero", "n", "two"], ["r"]),
    h.make_node("Cast", ["r"], ["rf"], to=T.FLOAT), h.make_node("Shape", ["rf"], ["rs"]), h.make_node("ConstantOfShape", ["rs"], ["c"], value=nh.from_array(np.array([1.5], np.float32))),
    h.make_node("Add", ["rf", "c"], ["sum"]), h.make_node("ReduceMax", ["x"], ["m"], keepdims=0), h.make_node("Mul", ["sum", "m"], ["y"])],
    {"x": X}, [nh.from_array(np.int64(0), "zero"), nh.from_array(np.int64(2), "two")], ["y"])
branch = lambda op: h.make_graph([h.make_node(op, ["x"], ["b"])], op, [], [h.make_empty_tensor_value_info("b")])
graph("If", [h.make_node("Shape", ["x"], ["s"]), h.make_node("Size", ["s"], ["n"]), h.make_node("Equal", ["n", "four"], ["e"]),
    h.make_node("If", ["e"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs"))], {"x": X}, [nh.from_array(np.int64(4), "four")], ["y"])
case("Range, floats", "Range", [], [np.float32(1), np.float32(3.2), np.float32(0.5)])
# places
case("Gather", "Gather", [X], [np.array([[0, -1], [2, 1]], np.int64)], axis=1)
case("Gather, scalar", "Gather", [X], [np.int64(-2)], axis=3)
case("Gather, many", "Gather", [X], [rng.integers(-7, 7, 60)], axis=3)
case("Gather, by value", "Gather", [X, rng.integers(-5, 5, (2, 3))], axis=2)
case("GatherElements", "GatherElements", [X, rng.integers(-5, 5, (2, 3, 4, 7))], axis=2)
case("GatherND", "GatherND", [X, np.array([[0, 2], [1, -1], [-2, 0]], np.int64)])
case("ScatterND", "ScatterND", [f32(4, 5), np.array([[1], [-1]], np.int64), f32(2, 5)])
case("ScatterND, points", "ScatterND", [f32(4, 5), np.array([[1, 2], [3, -1], [0, 0]], np.int64), f32(3)])
case("ScatterND, add", "ScatterND", [f32(4, 5), np.array([[1], [1]], np.int64), f32(2, 5)], reduction="add")
case("ScatterElements", "ScatterElements", [f32(4, 5), np.array([[1, -1, 0, 2, 3], [0, 2, 3, 1, -4 + 2]], np.int64), f32(2, 5)], axis=0)
case("ScatterElements, add", "ScatterElements", [f32(4, 5), np.array([[1, -1, 1], [0, 2, 3]], np.int64), f32(2, 3)], axis=1, reduction="add")
for e in [0, 1]:
    for r in [0, 1]:
        case(f"CumSum, {e}{r}", "CumSum", [X], [np.int64(-1)], exclusive=e, reverse=r)
case("CumSum, axis", "CumSum", [X], [np.int64(1)])
grid = f32(2, 4, 3, 2, low=-1.4, high=1.4)
for mode in ["bilinear", "nearest", "bicubic"]:
    for pad in ["zeros", "border", "reflection"]:
        for corners in [0, 1]:
            case(f"GridSample, {mode}, {pad}, {corners}", "GridSample", [X, grid], opset=16, mode=mode, padding_mode=pad, align_corners=corners)
case("GridSample, opset 20", "GridSample", [X, grid], opset=20, mode="cubic")
R = f32(1, 2, 5, 7)
transforms = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
for tr in transforms:
    for sc in [[1, 1, 2, 2], [1, 1, 1.7, 3], [1, 1, 0.6, 0.5]]:
        k = np.array(sc, np.float32)
        tag = f"{tr}, {sc[2]}x{sc[3]}"
        case(f"Resize, linear, {tag}", "Resize", [R], [None, k], mode="linear", coordinate_transformation_mode=tr)
        case(f"Resize, cubic, {tag}", "Resize", [R], [None, k], mode="cubic", coordinate_transformation_mode=tr)
        for nm in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
            case(f"Resize, {nm}, {tag}", "Resize", [R], [None, k], mode="nearest", coordinate_transformation_mode=tr, nearest_mode=nm)
for mode in ["linear", "cubic", "nearest"]:
    case(f"Resize, {mode}, sizes", "Resize", [R], [None, None, i64(1, 2, 11, 4)], mode=mode)
    case(f"Resize, {mode}, one pixel", "Resize", [R], [None, None, i64(1, 2, 1, 1)], mode=mode, coordinate_transformation_mode="pytorch_half_pixel")
    case(f"Resize, {mode}, axes", "Resize", [R], [None, None, i64(9, 3)], mode=mode, axes=[3, 2], opset=18)
    case(f"Resize, {mode}, symmetric", "Resize", [R], [None, np.array([1, 1, 1.3, 2.4], np.float32)], mode=mode, coordinate_transformation_mode="half_pixel_symmetric", opset=19)
for mode in ["linear", "cubic"]:
    case(f"Resize, {mode}, antialias", "Resize", [R], [None, np.array([1, 1, 0.6, 0.45], np.float32)], mode=mode, antialias=1, opset=18)
    case(f"Resize, {mode}, antialias, larger", "Resize", [R], [None, np.array([1, 1, 2, 1.5], np.float32)], mode=mode, antialias=1, opset=18)
case("Resize, cubic, a", "Resize", [R], [None, np.array([1, 1, 2, 2], np.float32)], mode="cubic", cubic_coeff_a=-0.5)
case("Resize, cubic, exclude", "Resize", [R], [None, np.array([1, 1, 2, 1.5], np.float32)], mode="cubic", exclude_outside=1)
# sums
for op in ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]:
    case(op, op, [X], axes=[1, -1], keepdims=0)
    case(op + ", all", op, [X])
    case(op + ", 18", op, [X], [i64(-2)], opset=18)
case("ReduceSum", "ReduceSum", [X], [i64(0, 2)])
case("ReduceSum, all", "ReduceSum", [X], keepdims=0)
case("ReduceSum, noop", "ReduceSum", [X], noop_with_empty_axes=1)
case("ReduceMax, integers", "ReduceMax", [rng.integers(-9, 9, (3, 4))], axes=[1])
for op in ["ArgMax", "ArgMin"]:
    case(op, op, [X], axis=2)
    case(op + ", ties", op, [np.round(f32(3, 9) / 2)], axis=-1, keepdims=0)
for i, (a, b) in enumerate([((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)), ((3, 4), (2, 4, 5)), ((4,), (4,))]):
    case(f"MatMul, {i}", "MatMul", [f32(*a), f32(*b)])
case("Gemm", "Gemm", [f32(3, 4), f32(4, 5)], [f32(5)])
case("Gemm, all", "Gemm", [f32(4, 3), f32(5, 4)], [f32(3, 1)], alpha=0.7, beta=1.3, transA=1, transB=1)
case("Gemm, no bias", "Gemm", [f32(3, 4), f32(4, 5)])
case("Einsum", "Einsum", [f32(2, 3, 4), f32(2, 5, 4)], equation="bij,bkj->bik")
case("Einsum, outer", "Einsum", [f32(3), f32(4)], equation="i, j -> ij")
def conv(name, x, to, kernel, groups=1, bias=True, op="Conv", **a):
    w = f32(to, x.shape[1] // groups, *kernel) if op == "Conv" else f32(x.shape[1], to // groups, *kernel)
    case(f"{op}, {name}", op, [x], [w] + ([f32(to)] if bias else []), group=groups, **a)
C = f32(2, 4, 7, 6)
conv("same", C, 3, (3, 3), pads=[1, 1, 1, 1])
conv("uneven pads", C, 3, (2, 3), pads=[1, 0, 2, 1], strides=[2, 1])
conv("stride", C, 2, (3, 3), strides=[2, 3])
conv("dilated", C, 2, (3, 2), dilations=[2, 3], pads=[2, 1, 2, 1])
conv("groups", C, 6, (3, 3), groups=2, pads=[1, 1, 1, 1])
conv("depthwise", C, 4, (3, 3), groups=4, pads=[1, 1, 1, 1], strides=[1, 2])
conv("depthwise, two each", C, 8, (3, 3), groups=4, pads=[1, 1, 1, 1])
conv("1x1", C, 5, (1, 1), bias=False)
conv("line", f32(2, 4, 9), 3, (3,), pads=[1, 2], strides=[2])
for auto in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
    conv(auto, C, 3, (4, 3), auto_pad=auto, strides=[2, 2])
case("Conv, by value", "Conv", [C, f32(3, 4, 3, 3)], pads=[1, 1, 1, 1])
t = dict(op="ConvTranspose")
conv("k4s2p1", C, 3, (4, 4), strides=[2, 2], pads=[1, 1, 1, 1], **t)
conv("k3s2 output_padding", C, 3, (3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1], **t)
conv("uneven", C, 3, (3, 2), strides=[3, 2], pads=[0, 1, 2, 0], **t)
conv("groups", C, 6, (3, 3), groups=2, strides=[2, 2], **t)
conv("depthwise", C, 4, (4, 4), groups=4, strides=[2, 2], pads=[1, 1, 1, 1], bias=False, **t)
conv("dilated", C, 2, (3, 3), dilations=[2, 2], strides=[2, 1], **t)
conv("output_shape", C, 2, (3, 3), strides=[2, 2], output_shape=[14, 12], **t)
conv("SAME_UPPER", C, 2, (3, 3), strides=[2, 2], auto_pad="SAME_UPPER", **t)
conv("SAME_LOWER", C, 2, (4, 3), strides=[2, 2], auto_pad="SAME_LOWER", **t)
conv("k9s4p4", C, 1, (9, 9), strides=[4, 4], pads=[4, 4, 4, 4], output_padding=[3, 3], **t)
conv("wide pads", C, 2, (2, 2), strides=[1, 1], pads=[2, 2, 2, 2], **t)
conv("line", f32(1, 2, 5), 3, (4,), strides=[2], pads=[1, 1], **t)
for op in ["MaxPool", "AveragePool"]:
    case(op, op, [C], kernel_shape=[2, 2], strides=[2, 2])
    case(op + ", pads", op, [C], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 1])
    case(op + ", ceil", op, [C], kernel_shape=[3, 2], strides=[2, 4], ceil_mode=1)
    case(op + ", ceil and pads", op, [C], kernel_shape=[3, 3], strides=[3, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    case(op + ", SAME_UPPER", op, [C], kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    case(op + ", SAME_LOWER", op, [C], kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_LOWER")
    case(op + ", line", op, [f32(1, 2, 9)], kernel_shape=[3], strides=[2])
case("MaxPool, dilated", "MaxPool", [C], kernel_shape=[2, 2], dilations=[2, 3])
case("AveragePool, dilated", "AveragePool", [C], kernel_shape=[2, 2], dilations=[2, 3], opset=19)
case("AveragePool, count_include_pad", "AveragePool", [C], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 0], count_include_pad=1)
case("AveragePool, count_include_pad, ceil", "AveragePool", [C], kernel_shape=[3, 3], strides=[3, 2], pads=[1, 1, 1, 1], count_include_pad=1, ceil_mode=1, opset=19)
case("GlobalAveragePool", "GlobalAveragePool", [C])
case("GlobalMaxPool", "GlobalMaxPool", [C])
case("BatchNormalization", "BatchNormalization", [X], [f32(3), f32(3), f32(3), f32(3, low=0.2)], epsilon=1e-3)
case("InstanceNormalization", "InstanceNormalization", [X], [f32(3), f32(3)], epsilon=0.25)
case("LayerNormalization", "LayerNormalization", [X], [f32(7), f32(7)])
case("LayerNormalization, axis", "LayerNormalization", [X], [f32(5, 7)], axis=2, epsilon=1e-3)
case("LayerNormalization, mean", "LayerNormalization", [X], [f32(7), f32(7)], outputs=3)
G = f32(2, 6, 3, 4)
case("GroupNormalization, 18", "GroupNormalization", [G], [f32(3), f32(3)], num_groups=3, opset=18)
case("GroupNormalization, 21", "GroupNormalization", [G], [f32(6), f32(6)], num_groups=2, epsilon=1e-3, opset=21)
for op in ["Softmax", "LogSoftmax"]:
    case(op, op, [X])
    case(op + ", axis", op, [X * 30], axis=1)
case("QuantizeLinear", "QuantizeLinear", [X * 50], [np.float32(0.7), np.uint8(120)])
case("QuantizeLinear, int8", "QuantizeLinear", [X * 60], [f32(3, low=0.3), np.zeros(3, np.int8)], axis=1)
case("DequantizeLinear", "DequantizeLinear", [rng.integers(0, 255, (2, 3, 4)).astype(np.uint8)], [np.float32(0.02), np.uint8(128)])
case("DequantizeLinear, axis", "DequantizeLinear", [rng.integers(-128, 127, (2, 3, 4)).astype(np.int8)], [f32(3, low=0.01), np.zeros(3, np.int8)], axis=1)
case("Add, half", "Add", [X.astype(np.float16), f32(3, 1, 1).astype(np.float16)])
out.close()
print(len(names), "cases")
