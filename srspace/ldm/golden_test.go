package ldm_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/trustsr/trustsr/internal/backendtest"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// tiny is golden/ldm/tiny/project.yaml.
var tiny = ldm.Config{
	UNet: ldm.UNetConfig{InChannels: 6, OutChannels: 3, ModelChannels: 32, ChannelMult: []int{1, 2},
		NumResBlocks: 1, AttentionResolutions: []int{2}, NumHeadChannels: 32},
	VQ: ldm.VQConfig{InChannels: 3, OutChannels: 3, Channels: 32, ChannelMult: []int{1, 2, 1},
		NumResBlocks: 1, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 512},
	Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
}

// onEachBackend runs a test on every installed backend.
func onEachBackend(t *testing.T, test func(t *testing.T, b compute.Backend)) {
	t.Helper()
	backendtest.Each(t, func(t *testing.T, _ string, b compute.Backend) { test(t, b) })
}

func archive(t *testing.T, name string) map[string]*npy.Array {
	t.Helper()
	a, err := npy.ReadZip(golden.Path(t, "ldm", "tiny", name))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tensor(t *testing.T, a *npy.Array) *ldm.Tensor {
	t.Helper()
	if a == nil {
		t.Fatal("array not in the golden file")
	}
	return &ldm.Tensor{Shape: a.Shape, Data: a.Float32()}
}

func loadTiny(t *testing.T, b compute.Backend) *ldm.Model {
	t.Helper()
	dict, _, err := weights.ReadSafetensors(golden.Path(t, "ldm", "tiny", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := ldm.New(b, tiny, dict)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func maxAbs(v []float32) float64 {
	m := 0.0
	for _, x := range v {
		m = math.Max(m, math.Abs(float64(x)))
	}
	return m
}

func distance(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d values, want %d", len(got), len(want))
	}
	m := 0.0
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= math.Inf(1)) {
			return math.Inf(1) // NaN
		}
		m = math.Max(m, d)
	}
	return m
}

// closeCall checks one network call: ≤ 2e-5·max(1, max|ref|), from
// golden/ldm/README.txt.
func closeCall(t *testing.T, what string, got *ldm.Tensor, want *npy.Array) {
	t.Helper()
	ref := tensor(t, want)
	if !slices.Equal(got.Shape, ref.Shape) {
		t.Fatalf("%s: shape %v, want %v", what, got.Shape, ref.Shape)
	}
	d, limit := distance(t, got.Data, ref.Data), 2e-5*math.Max(1, maxAbs(ref.Data))
	if d > limit {
		t.Errorf("%s: max abs error %.2g, limit %.2g", what, d, limit)
	} else {
		t.Logf("%s: max abs error %.2g (limit %.2g)", what, d, limit)
	}
}

func TestBlocks(t *testing.T) {
	type node = *graph.Node
	type block func(o *nn.Ops, s *model.Scope, x node, more []node) node
	conv := func(name string, stride int, pad nn.Padding) block {
		return func(o *nn.Ops, s *model.Scope, x node, _ []node) node {
			return o.Conv2D(nn.Module(s, name), x, o.Channels(x), 3, stride, pad)
		}
	}
	res := func(out int, scaleShift bool) block {
		return func(o *nn.Ops, s *model.Scope, x node, more []node) node {
			return ldm.ResBlock(o, s, x, more[0], out, scaleShift, 32)
		}
	}
	vqRes := func(out int) block {
		return func(o *nn.Ops, s *model.Scope, x node, _ []node) node { return ldm.VQResnetBlock(o, s, x, out, 32) }
	}
	norm := func(epsilon float64) block {
		return func(o *nn.Ops, s *model.Scope, x node, _ []node) node { return o.GroupNorm(s, x, 32, epsilon) }
	}
	attention := func(legacy bool) block {
		return func(o *nn.Ops, s *model.Scope, x node, _ []node) node {
			return ldm.AttentionBlock(o, s, x, 2, legacy, 32)
		}
	}
	up := func(o *nn.Ops, s *model.Scope, x node, _ []node) node { return ldm.VQUpsample(o, s, x) }
	blocks := map[string]block{
		"resblock_same": res(32, false), "resblock_skip": res(64, false), "resblock_scaleshift": res(32, true),
		"attn_legacy": attention(true), "attn_new_order": attention(false),
		"unet_downsample": conv("op", 2, nn.Same), "unet_downsample_odd": conv("op", 2, nn.Same), "unet_upsample": up,
		"vq_downsample": conv("conv", 2, nn.Padding{Bottom: 1, Right: 1}), "vq_upsample": up,
		"vq_resnet_same": vqRes(32), "vq_resnet_nin": vqRes(64),
		"vq_attn":                func(o *nn.Ops, s *model.Scope, x node, _ []node) node { return ldm.VQAttention(o, s, x, 32) },
		"groupnorm_unet_eps1e-5": norm(1e-5), "groupnorm_vq_eps1e-6": norm(1e-6),
	}
	golden := archive(t, "blocks.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		for name, build := range blocks {
			for _, train := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/train=%v", name, train), func(t *testing.T) {
					o := nn.For(b)
					o.Train = train
					dict := weights.Dict{}
					for key, a := range golden {
						if w, ok := cutPrefix(key, name+"/w/"); ok {
							dict[w] = tensor(t, a)
						}
					}
					store := model.NewStore()
					if err := o.Load(store, dict); err != nil {
						t.Fatal(err)
					}
					args := []any{toTensor(tensor(t, golden[name+"/in/x"]))}
					if e := golden[name+"/in/emb"]; e != nil {
						args = append(args, toTensor(tensor(t, e)))
					}
					out, err := model.CallOnce(b, store, func(s *model.Scope, in []*graph.Node) *graph.Node {
						return o.Out(build(o, s, o.In(in[0]), in[1:]))
					}, args...)
					if err != nil {
						t.Fatal(err)
					}
					got := &ldm.Tensor{Shape: out.Shape().Dimensions, Data: tensors.MustCopyFlatData[float32](out)}
					closeCall(t, name, got, golden[name+"/out"])
				})
			}
		}
	})
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

func toTensor(x *ldm.Tensor) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(x.Data, x.Shape...)
}

func TestUNet(t *testing.T) {
	golden := archive(t, "unet.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := loadTiny(t, b)
		for _, suffix := range []string{"", "_ns"} {
			x, lr := splitChannels(tensor(t, golden["x"+suffix]), 3)
			got, err := m.Denoise(x, lr, golden["t"+suffix].Float32())
			if err != nil {
				t.Fatal(err)
			}
			closeCall(t, "y"+suffix, got, golden["y"+suffix])
		}
	})
}

// splitChannels cuts [n, c, h, w] into the first k channels and the rest.
func splitChannels(x *ldm.Tensor, k int) (a, b *ldm.Tensor) {
	n, c, hw := x.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3]
	a = weights.NewTensor(n, k, x.Shape[2], x.Shape[3])
	b = weights.NewTensor(n, c-k, x.Shape[2], x.Shape[3])
	for i := range n {
		copy(a.Data[i*k*hw:(i+1)*k*hw], x.Data[i*c*hw:])
		copy(b.Data[i*(c-k)*hw:(i+1)*(c-k)*hw], x.Data[(i*c+k)*hw:])
	}
	return a, b
}

func TestFirstStage(t *testing.T) {
	golden := archive(t, "vq.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := loadTiny(t, b)
		for _, suffix := range []string{"", "_ns"} {
			got, err := m.Encode(tensor(t, golden["img"+suffix]), nil)
			if err != nil {
				t.Fatal(err)
			}
			closeCall(t, "enc"+suffix, got, golden["enc"+suffix])
			z := tensor(t, golden["z"+suffix])
			for name, quantize := range map[string]bool{"dec_q": true, "dec_nq": false} {
				got, err := m.Decode(z, nil, quantize)
				if err != nil {
					t.Fatal(err)
				}
				closeCall(t, name+suffix, got, golden[name+suffix])
			}
		}
		index, codes, err := m.Quantize(tensor(t, golden["z"]))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range golden["idx"].Int64() { // gap_min > 1e-4 in this file
			if int64(index[i]) != want {
				t.Errorf("code %d: %d, want %d", i, index[i], want)
			}
		}
		closeCall(t, "zq", codes, golden["zq"])
	})
}

func TestSchedule(t *testing.T) {
	golden := archive(t, "schedule.npz")
	within := func(what string, got, want []float64, tolerance float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
		}
		for i := range got {
			if math.Abs(got[i]-want[i]) > tolerance {
				t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
			}
		}
	}
	within("betas", tiny.Schedule.Betas(), golden["betas_f64"].Float64(), 1e-15)
	var alphas []float64
	for _, a := range tiny.Schedule.AlphasCumprod() {
		alphas = append(alphas, float64(a))
	}
	within("alphas", alphas, golden["alphas_cumprod_f32"].Float64(), 6e-8) // one unit in the last place of float32
	for _, s := range []int{4, 7, 10, 15, 20, 25, 30, 50, 100, 200, 250, 500} {
		steps, err := tiny.Schedule.DDIMSteps(s, 1)
		if s == 500 || err != nil {
			if fails := slices.Contains(golden["S_that_raise_IndexError"].Int64(), int64(s)); fails != (err != nil) {
				t.Errorf("S=%d: error %v, the original fails: %v", s, err, fails)
			}
			if err != nil {
				continue
			}
		}
		var a, prev, sigma, ts []float64
		for _, st := range slices.Backward(steps) {
			ts, a = append(ts, float64(st.Timestep)), append(a, st.Alpha)
			prev, sigma = append(prev, st.AlphaPrev), append(sigma, st.Sigma)
		}
		key := fmt.Sprintf("S%d/", s)
		within(key+"t", ts, golden[key+"t"].Float64(), 0)
		within(key+"a", a, golden[key+"a"].Float64(), 6e-8)
		within(key+"a_prev", prev, golden[key+"a_prev"].Float64(), 6e-8)
		within(key+"sigma", sigma, golden[key+"sigma_eta1"].Float64(), 1e-5)
	}
	for _, s := range golden["S_that_raise_IndexError"].Int64() {
		if _, err := tiny.Schedule.DDIMSteps(int(s), 1); err == nil {
			t.Errorf("S=%d: no error, but the original fails", s)
		}
	}
}

func TestDDIM(t *testing.T) {
	golden := archive(t, "ddim.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := loadTiny(t, b)
		cond, noise := tensor(t, golden["cond"]), golden["noise"].Float32()
		for _, c := range []struct {
			key   string
			steps int
			eta   float64
		}{{"S10_eta0", 10, 0}, {"S10_eta1", 10, 1}, {"S10_eta0.5", 10, 0.5}, {"S7_eta1", 7, 1}} {
			x := tensor(t, golden["x_T"])
			x.Data = slices.Clone(x.Data)
			steps, err := m.Config.Schedule.DDIMSteps(c.steps, c.eta)
			if err != nil {
				t.Fatal(err)
			}
			wantX, wantX0 := golden[c.key+"/x"].Float32(), golden[c.key+"/x0"].Float32()
			n := len(x.Data)
			within := func(what string, step int, got, want []float32) {
				if d := distance(t, got, want); d > 1e-4*maxAbs(want) {
					t.Errorf("%s step %d %s: max abs error %.2g of %.3g", c.key, step, what, d, maxAbs(want))
				}
			}
			denoise := func(latent []float32, timestep int) ([]float32, error) {
				ts := []float32{float32(timestep), float32(timestep)}
				eps, err := m.Denoise(&ldm.Tensor{Shape: x.Shape, Data: latent}, cond, ts)
				if err != nil {
					return nil, err
				}
				return eps.Data, nil
			}
			err = ldm.DDIM(context.Background(), denoise, x.Data, steps,
				func(dst []float32, step int) { copy(dst, noise[(step-1)*n:step*n]) },
				func(step int, x, x0 []float32) {
					within("x", step, x, wantX[step*n:(step+1)*n])
					within("x0", step, x0, wantX0[(step-1)*n:step*n])
				})
			if err != nil {
				t.Fatal(err)
			}
			if dec := golden[c.key+"/dec_q"]; dec != nil {
				got, err := m.Decode(x, nil, true)
				if err != nil {
					t.Fatal(err)
				}
				closeCall(t, c.key+" decoded", got, dec)
			}
		}
	})
}

func TestTimestepEmbedding(t *testing.T) {
	golden := archive(t, "timestep.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		for key, dim := range map[string]int{"emb_model_channels": 32, "emb_160": 160} {
			out, err := graph.CallOnce(b, func(ts *graph.Node) *graph.Node { return ldm.TimestepEmbedding(ts, dim) }, golden["t"].Float32())
			if err != nil {
				t.Fatal(err)
			}
			// torch's vectorised exp is good to one unit in the last place: of
			// a frequency near 1 at t near 1000 that is 1000·2^-24 = 6e-5
			want := golden[key].Float32()
			if d := distance(t, tensors.MustCopyFlatData[float32](out), want); d > 1000.0/(1<<24)+2e-6 {
				t.Errorf("%s: max abs error %.2g", key, d)
			}
		}
	})
}
