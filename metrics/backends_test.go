package metrics

import (
	"testing"

	"github.com/trustsr/trustsr/internal/backendtest"
)

// The golden numbers hold on every installed backend.
func TestGoldensOnEachBackend(t *testing.T) {
	backendtest.Again(t, "^Test(Taps|Batch|Diversity|DISTS|DISTSResized|LPIPSGenerated|PieAPP)Golden$")
}
