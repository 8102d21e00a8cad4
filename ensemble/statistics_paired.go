package ensemble

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
	Freedom   int // degrees of
	P         float64
}

// UniformVotes tests whether the votes of samples differ more than votes cast
// at random would: Pearson's chi-squared test against equal counts. It takes
// votes as independent, while a person's picks exclude each other, so that
// its p is a little too large. P is NaN with fewer than two samples or
// without votes.
func UniformVotes(votes []int) ChiSquare {
	total := 0
	for _, v := range votes {
		total += v
	}
	if len(votes) < 2 || total <= 0 {
		return ChiSquare{P: math.NaN()}
	}
	observed, expected := make([]float64, len(votes)), make([]float64, len(votes))
	for i, v := range votes {
		observed[i], expected[i] = float64(v), float64(total)/float64(len(votes))
	}
	return chiSquare(observed, expected)
}

func chiSquare(observed, expected []float64) ChiSquare {
	c := ChiSquare{Statistic: stat.ChiSquare(observed, expected), Freedom: len(observed) - 1}
	c.P = distuv.ChiSquared{K: float64(c.Freedom)}.Survival(c.Statistic)
	return c
}

// Pearson returns the linear correlation of two series, NaN where they differ
// in length, have fewer than two values, or one is constant.
func Pearson(x, y []float64) float64 {
	if len(x) != len(y) || len(x) < 2 {
		return math.NaN()
	}
	return stat.Correlation(x, y, nil)
}

// Spearman returns the rank correlation of two series, equal values with
// their mean rank: what relates votes to a score. NaN as in [Pearson].
func Spearman(x, y []float64) float64 { return Pearson(ranks(x), ranks(y)) }

// Kendall returns the rank correlation τ-b of two series: Kendall, "The
// treatment of ties in ranking problems", Biometrika 33 (1945). NaN as in
// [Pearson].
func Kendall(x, y []float64) float64 {
	if len(x) != len(y) || len(x) < 2 {
		return math.NaN()
	}
	// gonum's Kendall is τ-a and takes ties for concordant pairs.
	var sum, inX, inY float64
	for i := range x {
		for j := range i {
			a, b := cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])
			sum += float64(a * b)
			inX += float64(a * a)
			inY += float64(b * b)
		}
	}
	return sum / math.Sqrt(inX*inY)
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

// SignTest returns the exact sign test of paired differences; zeros are left
// out. Statistic is the number of positive ones.
func SignTest(differences []float64) PairedTest {
	positive, n := 0, 0
	for _, d := range differences {
		if d != 0 {
			n++
		}
		if d > 0 {
			positive++
		}
	}
	return PairedTest{Statistic: float64(positive), P: Binomial(positive, n, 0.5).TwoSided}
}

// BootstrapEstimate is a mean with its bootstrap distribution.
type BootstrapEstimate struct {
	Mean     float64  // of the resamples' means
	StdError float64  // their standard deviation
	Interval Interval // percentiles
}

// BootstrapMean draws values anew, with replacement, resamples times and
// returns what their means do: Efron, "Bootstrap methods: another look at the
// jackknife" (1979), percentile interval with linear interpolation (type 7 of
// Hyndman and Fan). The seed decides the draws (splitmix64, index =
// (z>>32)·n>>32). All is NaN without values or resamples.
func BootstrapMean(values []float64, resamples int, seed uint64, confidence float64) BootstrapEstimate {
	nan := math.NaN()
	if len(values) == 0 || resamples < 1 || !(confidence > 0 && confidence < 1) {
		return BootstrapEstimate{nan, nan, Interval{nan, nan}}
	}
	random := &splitmix64{seed}
	means := make([]float64, resamples)
	for i := range means {
		var sum float64
		for range values {
			sum += values[random.below(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	mean, deviation := stat.MeanStdDev(means, nil)
	tail := (1 - confidence) / 2
	return BootstrapEstimate{mean, deviation, Interval{sortedQuantile(means, tail), sortedQuantile(means, 1-tail)}}
}

// sortedQuantile is the quantile of type 7, which gonum does not have.
func sortedQuantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	if sorted[below] == sorted[above] { // also infinities, as PSNR has
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}
