package training

import (
	"math"
	"testing"

	"github.com/trustsr/trustsr/srspace/digits"
)

// Two digits of ten samples: the first is read right by all, the second wrong
// by seven and right by three. Over all readings, shares 1, 0.7 and 0.3 are
// right once, never and once: errors 0, 0.7 and 0.7. Over the most frequent
// ones, 1 and 0.7: errors 0 and 0.7.
func TestCalibrationErrors(t *testing.T) {
	var outcomes [2]outcome
	for i := range outcomes {
		_, label, err := digits.TestDigit(i)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			outcomes[i].Read[label] = 10
		} else {
			outcomes[i].Read[label], outcomes[i].Read[(label+1)%10] = 3, 7
		}
	}
	e := Evaluation{Samples: 10}
	if err := e.sum(outcomes[:]); err != nil {
		t.Fatal(err)
	}
	if math.Abs(e.CalibrationError-1.4/3) > 1e-12 || math.Abs(e.TopLabelError-0.35) > 1e-12 {
		t.Errorf("errors %v and %v, want %v and 0.35", e.CalibrationError, e.TopLabelError, 1.4/3)
	}
}
