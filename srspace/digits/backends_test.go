package digits

import (
	"testing"

	"github.com/trustsr/trustsr/internal/backendtest"
)

// What the model draws and how the reader reads holds on every installed
// backend.
func TestOnEachBackend(t *testing.T) {
	backendtest.Again(t, "^Test(ReaderAccuracy|ReadingsOfSamples)$")
}
