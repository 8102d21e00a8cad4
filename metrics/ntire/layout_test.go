package ntire

import (
	"errors"
	"maps"
	"testing"

	"github.com/trustsr/trustsr/metrics"
)

func TestByNumber(t *testing.T) {
	got, err := ByNumber([]string{"0801", "0802"}, []string{"000000", "000001"})
	if want := map[string]string{"000000": "0801", "000001": "0802"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, pictures := range [][]string{{"000000"}, {"000001", "000002"}, {"000000", "000002"}, {"000000", "baby"}, {"000000", "000001", "000002"}} {
		if got, err := ByNumber([]string{"0801", "0802"}, pictures); !errors.Is(err, metrics.ErrNames) {
			t.Errorf("%v: %v, %v", pictures, got, err)
		}
	}
}
