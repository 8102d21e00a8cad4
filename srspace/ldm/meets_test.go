package ldm_test

import (
	"fmt"
	"testing"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Step 0 says that the network is compiled: once for each size that it meets.
func TestStepZero(t *testing.T) {
	var told []int
	s := &ldm.Sampler{Model: twoLevels(t, 0.08), Steps: 2, Eta: 1, Description: srspace.Recipe{Fit: ldm.FitEdge},
		OnStep: func(step, _ int) { told = append(told, step) }}
	for _, c := range []struct {
		side, batch int
		want        string
	}{{8, 1, "[0 1 2]"}, {8, 1, "[1 2]"}, {12, 1, "[0 1 2]"}, {8, 2, "[0 1 2]"}, {12, 1, "[1 2]"}} {
		told, s.Batch = nil, c.batch
		for _, err := range s.Sample(t.Context(), gradient(c.side, c.side), []uint64{1}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(told); got != c.want {
			t.Errorf("%d×%d, %d a call: steps %s, want %s", c.side, c.side, c.batch, got, c.want)
		}
	}
}
