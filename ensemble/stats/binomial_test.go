package stats

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// The two-sided p-value is the sum over all outcomes not more probable than
// the one observed, whatever the shortcut.
func TestBinomialAgainstItsSum(t *testing.T) {
	for _, p0 := range []float64{0.001, 0.1, 0.5, 0.77, 0.999} {
		for _, n := range []int{1, 2, 7, 30, 101} {
			d := distuv.Binomial{N: float64(n), P: p0}
			for k := range n + 1 {
				var want float64
				for i := range n + 1 {
					if p := d.Prob(float64(i)); p <= d.Prob(float64(k))*(1+1e-7) {
						want += p
					}
				}
				if got := Binomial(k, n, p0).TwoSided; math.Abs(got-min(1, want)) > 1e-12*max(1e-3, want) {
					t.Errorf("%d of %d against %g: %.15g, want %.15g", k, n, p0, got, want)
				}
			}
		}
	}
}

// Many raters take no more time than few: 2·10⁵ raters of one unit have 4·10¹⁰
// pairs.
func TestManyRaters(t *testing.T) {
	alpha, err := KrippendorffNominal([]Unit{{{0, 100_000}, {1, 100_000}}, {{0, 150_000}, {1, 50_000}}})
	// By hand: Do = 2·(10¹⁰ + 7.5·10⁹)/(2·10⁵-1), De = 2·250000·150000/(4·10⁵-1)
	do, de := 2*(1e10+7.5e9)/(2e5-1), 2*250_000*150_000/(4e5-1)
	if err != nil || math.Abs(alpha-(1-do/de)) > 1e-12 {
		t.Errorf("alpha %v, want %v, error %v", alpha, 1-do/de, err)
	}
}
