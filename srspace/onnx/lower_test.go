package onnx

import (
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backend"
)

// The operators that are written in terms of others, and the modes of Resize
// that are let through, give the values of their definitions in
// https://onnx.ai/onnx/operators, computed here by hand.
func TestOperators(t *testing.T) {
	for name, c := range map[string]struct {
		shape []int
		graph string
		want  func(x []float32) []float32
	}{
		// b[n, c, h·2+i, w·2+j] = x[n, (2i+j)·C + c, h, w]
		"DepthToSpace, DCR": {[]int{2, 8, 2, 3}, node("DepthToSpace", "x", "y", integer("blocksize", 2)), func(x []float32) []float32 {
			y := make([]float32, len(x))
			for p := range y {
				n, c, r, k := p/48, p/24%2, p/6%4, p%6
				y[p] = x[((n*8+(2*(r%2)+k%2)*2+c)*2+r/2)*3+k/2]
			}
			return y
		}},
		// b[n, c, h·2+i, w·2+j] = x[n, 4c + 2i + j, h, w]
		"DepthToSpace, CRD": {[]int{2, 8, 2, 3}, node("DepthToSpace", "x", "y", integer("blocksize", 2), text("mode", "CRD")), func(x []float32) []float32 {
			y := make([]float32, len(x))
			for p := range y {
				n, c, r, k := p/48, p/24%2, p/6%4, p%6
				y[p] = x[((n*8+4*c+2*(r%2)+k%2)*2+r/2)*3+k/2]
			}
			return y
		}},
		"LeakyRelu": {[]int{1, 2, 2, 2}, node("LeakyRelu", "x", "y"), func(x []float32) []float32 {
			return each(x, func(_ int, v float32) float32 { return max(v, 0) + 0.01*min(v, 0) })
		}},
		"PRelu": {[]int{2, 2, 2, 2}, floats("slope", []float32{0.5, -2}, 2, 1, 1) + node("PRelu", "x slope", "y"), func(x []float32) []float32 {
			return each(x, func(i int, v float32) float32 {
				if v < 0 {
					return v * []float32{0.5, -2}[i/4%2]
				}
				return v
			})
		}},
		"InstanceNormalization": {[]int{2, 2, 3, 2}, floats("s", []float32{2, -1}, 2) + floats("b", []float32{0.5, 3}, 2) + node("InstanceNormalization", "x s b", "y", float("epsilon", 0.25)), func(x []float32) []float32 {
			return each(x, func(i int, v float32) float32 {
				var sum, squares float64
				part := x[i/6*6 : i/6*6+6]
				for _, v := range part {
					sum += float64(v) / 6
				}
				for _, v := range part {
					squares += (float64(v) - sum) * (float64(v) - sum) / 6
				}
				return float32((float64(v)-sum)/math.Sqrt(squares+0.25))*[]float32{2, -1}[i/6%2] + []float32{0.5, 3}[i/6%2]
			})
		}},
		// y[o, r, k] = b[o] + Σ w[o, c, i, j] x[c, 2r+i-1, k+j-0], zero outside
		"Conv": {[]int{1, 2, 5, 4}, floats("w", ramp(3*2*3*2), 3, 2, 3, 2) + floats("b", []float32{1, 2, 3}, 3) +
			node("Conv", "x w b", "y", ints("pads", 1, 0, 1, 1), ints("strides", 2, 1)), func(x []float32) []float32 {
			w, y := ramp(3*2*3*2), make([]float32, 3*3*4)
			for p := range y {
				o, r, k := p/12, p/4%3, p%4
				y[p] = float32(o + 1)
				for q := range w[:12] {
					c, i, j := q/6, q/2%3, q%2
					if row, column := 2*r+i-1, k+j; row >= 0 && row < 5 && column < 4 {
						y[p] += w[o*12+q] * x[(c*5+row)*4+column]
					}
				}
			}
			return y
		}},
		"Resize, linear": {[]int{1, 1, 1, 4}, floats("scales", []float32{1, 1, 1, 2}, 4) + node("Resize", "x scales scales", "y", text("mode", "linear")), func(x []float32) []float32 {
			y := make([]float32, 8)
			for i := range y {
				at := min(3, max(0, (float64(i)+0.5)/2-0.5)) // half_pixel, edges repeated
				left := min(2, int(at))
				f := float32(at - float64(left))
				y[i] = (1-f)*x[left] + f*x[left+1]
			}
			return y
		}},
		"Resize, nearest of half pixels": {[]int{1, 1, 2, 3}, floats("scales", []float32{1, 1, 3, 3}, 4) + floats("roi", nil, 0) + node("Resize", "x roi scales", "y"), func(x []float32) []float32 {
			y := make([]float32, 6*9)
			for p := range y {
				y[p] = x[p/9/3*3+p%9/3]
			}
			return y
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dims := make([]any, len(c.shape))
			size := 1
			for i, d := range c.shape {
				dims[i] = d
				size *= d
			}
			x := ramp(size)
			want := c.want(x)
			onEachBackend(t, func(t *testing.T, config string) {
				m, _, err := parse(encode(t, input("x", dims...)+c.graph+output("y")), config == "go")
				if err != nil {
					t.Fatal(err)
				}
				b, err := backend.Open(config)
				if err != nil {
					t.Fatal(err)
				}
				store := model.NewStore()
				if err := m.VariablesToScope(store.RootScope()); err != nil {
					t.Fatal(err)
				}
				e, err := model.NewExec(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
					return m.CallGraph(s, x.Graph(), map[string]*graph.Node{"x": x})[0]
				})
				if err != nil {
					t.Fatal(err)
				}
				y, err := e.Call1(tensors.FromFlatDataAndDimensions(x, c.shape...))
				// compute-onnx v0.1.0 lacks operations such as Pad and Clamp.
				if err != nil && config != "go" && strings.Contains(err.Error(), "not implemented for ONNX Runtime backend") {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				got := tensors.MustCopyFlatData[float32](y)
				if len(got) != len(want) {
					t.Fatalf("%s for %d values", y.Shape(), len(want))
				}
				for i, v := range got {
					if math.Abs(float64(v-want[i])) > 1e-5 {
						t.Fatalf("value %d is %v, not %v", i, v, want[i])
					}
				}
			})
		})
	}
}

func each(x []float32, f func(i int, v float32) float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = f(i, v)
	}
	return y
}

// ramp is n values in [-2.5,2.5] without order.
func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*37+11)%41-20) / 8
	}
	return x
}
