package nn

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/trustsr/trustsr/internal/backend"
)

// xlaShapes are [batch, height, width, channels]: of the published UNet's
// levels, its decoder's widest, and the digit model's.
var xlaShapes = [][]int{{1, 64, 64, 160}, {1, 16, 16, 640}, {1, 256, 256, 128}, {36, 7, 7, 64}, {36, 28, 28, 32}}

// onXLA benchmarks formulations by their names on XLA, of a picture with
// channels last; those named "first" get it with channels first.
func onXLA(b *testing.B, shapes [][]int, formulations func(n, h, w, c int) map[string]func(x *Node) *Node) {
	at := benchBackends(b)["xla:cpu"]
	if at == nil {
		b.Skip("xla:cpu is not installed on this machine")
	}
	if kind := backend.Of(at).Kind(); kind != backend.XLA {
		b.Fatalf("kind %v", kind)
	}
	for _, d := range shapes {
		for name, build := range formulations(d[0], d[1], d[2], d[3]) {
			dims := d
			if name == "first" {
				dims = []int{d[0], d[3], d[1], d[2]}
			}
			b.Run(fmt.Sprintf("%v/%s", d, name), func(b *testing.B) { times(b, at, dims, build) })
		}
	}
}

// 3×3 convolutions of both strides in both layouts.
func BenchmarkXLAConvolve(b *testing.B) {
	for _, stride := range []int{1, 2} {
		b.Run(fmt.Sprint("stride ", stride), func(b *testing.B) {
			onXLA(b, xlaShapes, func(n, h, w, c int) map[string]func(x *Node) *Node {
				conv := func(o *Ops, dims ...int) func(x *Node) *Node {
					return func(x *Node) *Node {
						return o.convolve(x, Ones(x.Graph(), shapes.Make(dtypes.Float32, dims...)), stride, Same)
					}
				}
				all := map[string]func(x *Node) *Node{
					"first": conv(&Ops{}, c, c, 3, 3), "last": conv(&Ops{ChannelsLast: true}, 3, 3, c, c),
					"last, patches": func(x *Node) *Node {
						o := &Ops{ChannelsLast: true, Products: true}
						return o.patchConv(x, Ones(x.Graph(), shapes.Make(dtypes.Float32, 3, 3, c, c)), stride, Same)
					},
				}
				return all
			})
		})
	}
}

// Normalisation over groups of channels.
func BenchmarkXLAGroupNorm(b *testing.B) {
	onXLA(b, xlaShapes, func(n, h, w, c int) map[string]func(x *Node) *Node {
		const groups = 32
		each := c / groups
		inv := func(v *Node) *Node { return Div(OnesLike(v), Sqrt(AddScalar(v, 1e-5))) }
		return map[string]func(x *Node) *Node{
			"first": func(x *Node) *Node {
				flat := Reshape(x, n, groups, -1)
				centred := Sub(flat, ReduceAndKeep(flat, ReduceMean, 2))
				return Reshape(Mul(centred, inv(ReduceAndKeep(Mul(centred, centred), ReduceMean, 2))), n, c, h, w)
			},
			"last, both axes at once": func(x *Node) *Node {
				flat := Reshape(x, n, h*w, groups, each)
				centred := Sub(flat, ReduceAndKeep(flat, ReduceMean, 1, 3))
				return Reshape(Mul(centred, inv(ReduceAndKeep(Mul(centred, centred), ReduceMean, 1, 3))), n, h, w, c)
			},
			"last, pixels first": func(x *Node) *Node {
				mean := func(v *Node) *Node {
					pixels := Reshape(ReduceMean(Reshape(v, n, h*w, c), 1), n, 1, groups, each)
					return ReduceAndKeep(pixels, ReduceMean, 3)
				}
				flat := Reshape(x, n, h*w, groups, each)
				centred := Sub(flat, mean(flat))
				return Reshape(Mul(centred, inv(mean(Mul(centred, centred)))), n, h, w, c)
			},
			"last, products with ones": func(x *Node) *Node {
				ones := Ones(x.Graph(), shapes.Make(dtypes.Float32, n, 1, h*w))
				mean := func(v *Node) *Node {
					pixels := Reshape(Einsum("bij,bjc->bic", ones, Reshape(v, n, h*w, c)), n, 1, groups, each)
					return MulScalar(ReduceAndKeep(pixels, ReduceSum, 3), 1/float64(h*w*each))
				}
				flat := Reshape(x, n, h*w, groups, each)
				centred := Sub(flat, mean(flat))
				return Reshape(Mul(centred, inv(mean(Mul(centred, centred)))), n, h, w, c)
			},
		}
	})
}

// Pixels repeated.
func BenchmarkXLAUpsample(b *testing.B) {
	onXLA(b, [][]int{{1, 32, 32, 320}, {36, 7, 7, 64}}, func(n, h, w, c int) map[string]func(x *Node) *Node {
		return map[string]func(x *Node) *Node{
			"first":             (&Ops{}).Upsample,
			"last":              (&Ops{ChannelsLast: true}).Upsample,
			"last, concatenate": (&Ops{ChannelsLast: true, Products: true}).Upsample,
		}
	})
}
