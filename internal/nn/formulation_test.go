package nn

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/trustsr/trustsr/internal/backend"
)

// benchBackends are the backends of this machine.
func benchBackends(b *testing.B) map[string]compute.Backend {
	b.Helper()
	found := map[string]compute.Backend{}
	for _, name := range backend.Installed() {
		open, err := backend.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		found[name] = open
	}
	return found
}

// times runs a graph of one input and reports, beside the time, the CPU time,
// which other programs disturb less.
func times(b *testing.B, at compute.Backend, dims []int, build func(x *Node) *Node) {
	b.Helper()
	exec, err := NewExec(at, build)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]float32, shapes.Make(dtypes.Float32, dims...).Size())
	for i := range data {
		data[i] = float32(i%251)/125 - 1
	}
	x := tensors.FromFlatDataAndDimensions(data, dims...)
	call := func() {
		y, err := exec.Call1(x)
		if err != nil {
			b.Fatal(err)
		}
		y.FinalizeAll()
	}
	call()
	began := cpuTime()
	for b.Loop() {
		call()
	}
	b.ReportMetric((cpuTime()-began)/float64(b.N)*1e3, "cpu-ms/op")
}

func cpuTime() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// pictureShapes are [batch, height, width, channels] of the published UNet's
// first level and of the digit model's.
var pictureShapes = [][]int{{1, 64, 64, 160}, {27, 7, 7, 64}}

// Values per channel added to every pixel.
func BenchmarkAddPerChannel(b *testing.B) {
	at := benchBackends(b)["go"]
	for _, d := range pictureShapes {
		n, pixels, c := d[0], d[1]*d[2], d[3]
		value := func(x *Node) *Node { return Reshape(ReduceMax(x, 1, 2), n, 1, c) }
		for name, add := range map[string]func(x *Node) *Node{
			"broadcast": func(x *Node) *Node { return Add(Reshape(x, n, pixels, c), value(x)) },
			"product with ones": func(x *Node) *Node {
				ones := Ones(x.Graph(), shapes.Make(dtypes.Float32, n, pixels, 1))
				return Add(Reshape(x, n, pixels, c), Einsum("bpk,bkc->bpc", ones, value(x)))
			},
			"copies": func(x *Node) *Node {
				return Add(Reshape(x, n, pixels, c), repeat(value(x), 1, pixels))
			},
			"none": func(x *Node) *Node { return value(x) },
		} {
			b.Run(fmt.Sprintf("%v/%s", d, name), func(b *testing.B) { times(b, at, d, add) })
		}
	}
}

// x·sigmoid(x).
func BenchmarkSiLU(b *testing.B) {
	for backendName, at := range benchBackends(b) {
		for _, d := range pictureShapes {
			for name, silu := range map[string]func(x *Node) *Node{
				"quotient": func(x *Node) *Node { return Div(x, AddScalar(Exp(Neg(x)), 1)) },
				"sigmoid":  func(x *Node) *Node { return Mul(x, Sigmoid(x)) },
				"tanh":     func(x *Node) *Node { h := MulScalar(x, 0.5); return Add(h, Mul(h, Tanh(h))) },
			} {
				b.Run(fmt.Sprintf("%s/%v/%s", backendName, d, name), func(b *testing.B) { times(b, at, d, silu) })
			}
		}
	}
}

// One head's attention weights of 4,096 pixels, the decoder's.
func BenchmarkSoftmax(b *testing.B) {
	for backendName, at := range benchBackends(b) {
		for name, softmax := range map[string]func(x *Node) *Node{
			"fused": func(x *Node) *Node { return Softmax(x, -1) },
			"decomposed": func(x *Node) *Node {
				e := Exp(Sub(x, ReduceAndKeep(x, ReduceMax, -1)))
				return Div(e, ReduceAndKeep(e, ReduceSum, -1))
			},
		} {
			b.Run(backendName+"/"+name, func(b *testing.B) { times(b, at, []int{1, 1, 1024, 1024}, softmax) })
		}
	}
}

// Pixels repeated.
func BenchmarkUpsample(b *testing.B) {
	at := benchBackends(b)["go"]
	for _, d := range pictureShapes {
		n, h, w, c := d[0], d[1], d[2], d[3]
		for name, up := range map[string]func(x *Node) *Node{
			"broadcast": func(x *Node) *Node {
				return Reshape(BroadcastToDims(Reshape(x, n, h, 1, w, 1, c), n, h, 2, w, 2, c), n, 2*h, 2*w, c)
			},
			"concatenate": func(x *Node) *Node {
				x = Reshape(x, n*h*w, 1, c)
				x = Reshape(Concatenate([]*Node{x, x}, 1), n*h, 1, 2*w*c)
				return Reshape(Concatenate([]*Node{x, x}, 1), n, 2*h, 2*w, c)
			},
		} {
			b.Run(fmt.Sprintf("%v/%s", d, name), func(b *testing.B) { times(b, at, d, up) })
		}
	}
}

// Blocks of memory moved with zeros before and after.
func BenchmarkShift(b *testing.B) {
	at := benchBackends(b)["go"]
	for name, shift := range map[string]func(x *Node) *Node{
		"pad": func(x *Node) *Node {
			return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{Start: 65, End: 65})
		},
		"concatenate": func(x *Node) *Node { return padZero(x, 0, 65, 65) },
	} {
		b.Run(name, func(b *testing.B) { times(b, at, []int{65 * 65, 160}, shift) })
	}
}

// 3×3 convolutions that keep the size: of the digit model's UNet and decoder
// and of the published UNet's levels.
func BenchmarkConv3(b *testing.B) {
	o := &Ops{ChannelsLast: true, Products: true}
	at := benchBackends(b)["go"]
	for _, d := range [][]int{{27, 7, 7, 64}, {27, 14, 14, 64}, {27, 28, 28, 32}, {1, 8, 8, 640}, {1, 16, 16, 320}, {1, 32, 32, 320}, {1, 64, 64, 160}} {
		c := d[3]
		for name, conv := range map[string]func(x, k *Node) *Node{
			"patches": func(x, k *Node) *Node { return o.patchConv(x, k, 1, Same) },
			"rows":    o.rowConv,
		} {
			b.Run(fmt.Sprintf("%v/%s", d, name), func(b *testing.B) {
				times(b, at, d, func(x *Node) *Node {
					return conv(x, Ones(x.Graph(), shapes.Make(dtypes.Float32, 3, 3, c, c)))
				})
			})
		}
	}
}

// Tokens times the transpose of a weight matrix that is a constant of the
// graph: attention's and the time embedding's projections.
func BenchmarkLinear(b *testing.B) {
	for backendName, at := range benchBackends(b) {
		for _, d := range [][]int{{1, 64, 640}, {1, 1, 640}} { // [batch, tokens, in]
			const out = 1920
			data := make([]float32, out*d[2])
			for i := range data {
				data[i] = float32(i%251)/125 - 1
			}
			weight := func(x *Node) *Node { return Reshape(Const(x.Graph(), data), out, d[2]) }
			for name, linear := range map[string]func(x *Node) *Node{
				"einsum":     func(x *Node) *Node { return Einsum("bti,oi->bto", x, weight(x)) },
				"transposed": func(x *Node) *Node { return MatMul(x, TransposeAllAxes(weight(x), 1, 0)) },
			} {
				b.Run(fmt.Sprintf("%s/%v/%s", backendName, d, name), func(b *testing.B) { times(b, at, d, linear) })
			}
		}
	}
}

// Group normalisation without scale and shift, then per channel, channels
// first as ONNX Runtime and XLA have them.
func BenchmarkGroupNorm(b *testing.B) {
	at, ok := benchBackends(b)["onnx:cpu"]
	if !ok {
		b.Skip("no ONNX Runtime library on this machine")
	}
	for _, d := range [][]int{{1, 160, 64, 64}, {81, 64, 7, 7}, {81, 32, 28, 28}} {
		n, c := d[0], d[1]
		groups := 8
		perChannel := func(x *Node) *Node { return Reshape(IotaFull(x.Graph(), shapes.Make(dtypes.Float32, c)), 1, c, 1, 1) }
		affine := func(x *Node) *Node { return Add(Mul(x, perChannel(x)), perChannel(x)) }
		fold := func(x, mean, variance *Node) *Node { // mean and variance [n, groups, 1]
			channel := Reshape(perChannel(x), 1, groups, c/groups)
			scale := Mul(Div(OnesLike(variance), Sqrt(AddScalar(variance, 1e-5))), channel)
			shift := Sub(channel, Mul(mean, scale))
			return Add(Mul(x, Reshape(scale, n, c, 1, 1)), Reshape(shift, n, c, 1, 1))
		}
		for name, norm := range map[string]func(x *Node) *Node{
			"centred": func(x *Node) *Node {
				flat := Reshape(x, n, groups, -1)
				centred := Sub(flat, ReduceAndKeep(flat, ReduceMean, -1))
				variance := ReduceAndKeep(Mul(centred, centred), ReduceMean, -1)
				return affine(Reshape(Div(centred, Sqrt(AddScalar(variance, 1e-5))), d...))
			},
			"folded": func(x *Node) *Node {
				flat := Reshape(x, n, groups, -1)
				mean := ReduceAndKeep(flat, ReduceMean, -1)
				centred := Sub(flat, mean)
				variance := ReduceAndKeep(Mul(centred, centred), ReduceMean, -1)
				return fold(x, mean, variance)
			},
			"folded, dot products": func(x *Node) *Node {
				flat := Reshape(x, n, groups, -1)
				mean := ReduceAndKeep(flat, ReduceMean, -1)
				centred := Sub(flat, mean)
				k := c / groups * d[2] * d[3]
				squares := MatMul(Reshape(centred, n, groups, 1, k), Reshape(centred, n, groups, k, 1))
				return fold(x, mean, MulScalar(Reshape(squares, n, groups, 1), 1/float64(k)))
			},
			"scaled once": func(x *Node) *Node {
				flat := Reshape(x, n, groups, -1)
				centred := Sub(flat, ReduceAndKeep(flat, ReduceMean, -1))
				variance := ReduceAndKeep(Mul(centred, centred), ReduceMean, -1)
				inv := Reshape(Div(OnesLike(variance), Sqrt(AddScalar(variance, 1e-5))), n, groups, 1, 1)
				channel := func() *Node { return Reshape(perChannel(x), 1, groups, c/groups, 1) }
				y := Mul(Reshape(centred, n, groups, c/groups, d[2]*d[3]), Mul(inv, channel()))
				return Reshape(Add(y, channel()), d...)
			},
			"layer norm": func(x *Node) *Node {
				return affine(Reshape(BackendFusedLayerNorm(Reshape(x, n, groups, c/groups*d[2]*d[3]), []int{2}, 1e-5, nil, nil), d...))
			},
		} {
			b.Run(fmt.Sprintf("onnx:cpu/%v/%s", d, name), func(b *testing.B) { times(b, at, d, norm) })
		}
	}
}

// Attention of one layer, [batch, tokens, heads, head's channels]: the digit
// model's, the published UNet's deepest, and its decoder's. Softmax is part of
// each.
func BenchmarkAttend(b *testing.B) {
	for backendName, at := range benchBackends(b) {
		for _, d := range [][]int{{27, 49, 2, 32}, {1, 64, 20, 32}, {2, 64, 20, 32}, {27, 49, 1, 64}, {1, 1024, 1, 512}} {
			for name, attend := range map[string]func(q, k, v *Node) *Node{
				"einsum": func(q, k, v *Node) *Node {
					w := Softmax(Einsum("bthd,bshd->bhts", q, k), -1)
					return Einsum("bhts,bshd->bthd", w, v)
				},
				"matmul": func(q, k, v *Node) *Node {
					w := Softmax(MatMul(TransposeAllAxes(q, 0, 2, 1, 3), TransposeAllAxes(k, 0, 2, 3, 1)), -1)
					return TransposeAllAxes(MatMul(w, TransposeAllAxes(v, 0, 2, 1, 3)), 0, 2, 1, 3)
				},
			} {
				b.Run(fmt.Sprintf("%s/%v/%s", backendName, d, name), func(b *testing.B) {
					times(b, at, d, func(x *Node) *Node { return attend(x, MulScalar(x, 0.5), MulScalar(x, 0.25)) })
				})
			}
		}
	}
}
