package srspace_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/srspace"
)

// Three consecutive torch.randn calls after manual_seed: [1,3,16,16], [100]
// (no multiple of 16), and the first 4 rows of each plane of [2,3,64,64].
func TestTorchNoise(t *testing.T) {
	golden, err := npy.ReadZip(golden.Path(t, "ldm", "tiny", "torch_cpu_randn.npz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{0, 42, 42 + 1<<32} {
		n := srspace.NewTorchNoise(seed)
		draw := func(count int) []float32 {
			out := make([]float32, count)
			if err := n.Fill(out); err != nil {
				t.Fatal(err)
			}
			return out
		}
		compare := func(name string, got []float32) {
			want := golden[fmt.Sprintf("seed%d/%s", seed&math.MaxUint32, name)].Float32()
			if len(got) != len(want) {
				t.Fatalf("%d values, want %d", len(got), len(want))
			}
			for i := range got {
				if d := math.Abs(float64(got[i] - want[i])); d > 2e-6 {
					t.Fatalf("seed %d %s[%d] = %v, want %v", seed, name, i, got[i], want[i])
				}
			}
		}
		compare("a", draw(3*16*16))
		compare("b", draw(100))
		var rows []float32
		c := draw(2 * 3 * 64 * 64)
		for plane := range 6 {
			rows = append(rows, c[plane*64*64:plane*64*64+4*64]...)
		}
		compare("c", rows)
	}
	if err := srspace.NewTorchNoise(1).Fill(make([]float32, 15)); err == nil {
		t.Error("15 values: no error")
	}
}
