package natural

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backendtest"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// onEachBackend opens the model on every installed backend.
func onEachBackend(t *testing.T, test func(t *testing.T, m *Model)) {
	t.Helper()
	backendtest.Each(t, func(t *testing.T, config string, _ compute.Backend) {
		m, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		test(t, m)
	})
}

// What the networks compute equals what PyTorch, which trained them, computes
// with the same float16 weights in float32, to 1e-4. training/golden.py wrote
// the file.
func TestGolden(t *testing.T) {
	golden, meta, err := weights.ReadSafetensors("testdata/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	onEachBackend(t, func(t *testing.T, m *Model) {
		var c ldm.Config
		if err := json.Unmarshal([]byte(meta["config"]), &c); err != nil {
			t.Fatal(err)
		}
		near := func(name string, got *ldm.Tensor, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := golden[name]
			if !slices.Equal(got.Shape, want.Shape) {
				t.Fatalf("%s is %v, want %v", name, got.Shape, want.Shape)
			}
			worst := 0.0
			for i, w := range want.Data {
				d := math.Abs(float64(got.Data[i] - w))
				if math.IsNaN(d) {
					d = math.Inf(1)
				}
				worst = max(worst, d)
			}
			t.Logf("%s: %.2g apart", name, worst)
			if worst > 1e-4 {
				t.Errorf("%s is %g from PyTorch's", name, worst)
			}
		}
		lr, noise := golden["lr"], golden["noise"]
		each := len(noise.Data) / noise.Shape[0]
		step := func(i int) *ldm.Tensor {
			return &ldm.Tensor{Shape: noise.Shape[1:], Data: slices.Clone(noise.Data[i*each : (i+1)*each])}
		}
		v, err := m.Model.Denoise(step(0), lr, golden["t"].Data)
		near("v", v, err)
		z, err := m.Model.Encode(golden["hr"], lr)
		near("encoded", z, err)
		y, err := m.Model.Decode(step(1), lr, false)
		near("decoded", y, err)

		plan, err := c.Schedule.Plan("ddim-compvis", noise.Shape[0]-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		x := step(0)
		err = m.Model.SampleLatent(context.Background(), plan, x, lr, func(dst []float32, i int) { copy(dst, step(i).Data) })
		near("latent", x, err)
		y, err = m.Model.Decode(x, lr, false)
		near("sample", y, err)
	})
}
