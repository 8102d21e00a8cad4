package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// ChiSquare is a test of observed counts against expected ones.
type ChiSquare struct {
	Statistic float64
	Freedom   int // number of degrees of freedom
	P         float64
}

// PearsonChiSquare tests whether counts differ from the expected ones more than
// chance explains: Pearson's chi-squared test, with one degree of freedom less
// than there are counts. Both slices have the same length, at least 2, and
// every expected count is above 0.
func PearsonChiSquare(observed, expected []float64) ChiSquare {
	c := ChiSquare{Statistic: stat.ChiSquare(observed, expected), Freedom: len(observed) - 1}
	c.P = distuv.ChiSquared{K: float64(c.Freedom)}.Survival(c.Statistic)
	return c
}

// ranks returns the ranks of values from 1, equal ones with their mean.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	out := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+to+1) / 2
		}
		from = max(to, from+1) // NaN equals nothing, not itself either
	}
	return out
}

// PairedTest is a test of paired differences.
type PairedTest struct {
	Statistic float64
	P         float64 // two-sided
}

// Wilcoxon returns the exact signed-rank test of paired differences against
// symmetry about 0: Wilcoxon, "Individual comparisons by ranking methods"
// (1945). Zeros are left out and equal sizes get their mean rank; the null
// distribution is that of all signs of these very ranks. Statistic is the
// smaller sum of ranks. P is 1 without a difference.
func Wilcoxon(differences []float64) PairedTest {
	var sizes []float64
	var signs []bool
	for _, d := range differences {
		if d != 0 {
			sizes = append(sizes, math.Abs(d))
			signs = append(signs, d > 0)
		}
	}
	total, positive := 0, 0 // twice the sums, to be whole with mean ranks
	doubled := make([]int, len(sizes))
	for i, r := range ranks(sizes) {
		doubled[i] = int(2 * r)
		total += doubled[i]
		if signs[i] {
			positive += doubled[i]
		}
	}
	smaller := min(positive, total-positive)
	probability := make([]float64, total+1) // of a doubled sum of positive ranks
	probability[0] = 1
	reached := 0
	for _, r := range doubled {
		reached += r
		for s := reached; s >= 0; s-- {
			probability[s] /= 2
			if s >= r {
				probability[s] += probability[s-r] / 2
			}
		}
	}
	var tail float64
	for _, p := range probability[:smaller+1] {
		tail += p
	}
	return PairedTest{Statistic: float64(smaller) / 2, P: min(1, 2*tail)}
}
