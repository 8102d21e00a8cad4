// Package bootstrap estimates how far a mean would move with other data of the
// same kind: Efron's percentile bootstrap (1979) over a portable stream of
// random numbers, so that intervals are the same everywhere.
package bootstrap

import (
	"math"
	"slices"
)

// Resamples is how often data are drawn anew unless there is a reason for
// another number.
const Resamples = 2000

// Mean returns the percentile interval of the mean of values at a level, e.g.
// 0.95, from n resamples. Values may be infinite, not NaN. Without values or
// resamples it returns NaN.
//
// The stream is splitmix64 from seed; index k of a resample of m values is the
// upper half of the k-th number times m, shifted right by 32. Percentiles are
// interpolated linearly, as by numpy.
func Mean(values []float64, n int, seed uint64, level float64) (low, high float64) {
	if len(values) == 0 || n < 1 {
		return math.NaN(), math.NaN()
	}
	means := Means(values, n, seed)
	slices.Sort(means)
	return Quantile(means, (1-level)/2), Quantile(means, (1+level)/2)
}

// Means returns the means of n resamples, in the order of the stream.
func Means(values []float64, n int, seed uint64) []float64 {
	means := make([]float64, n)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[next(&seed, len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	return means
}

// Quantile returns the quantile of sorted values, 0 to 1, interpolated
// linearly between the two nearest.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(max(int(math.Floor(at)), 0), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	a, b := sorted[i], sorted[j]
	t := at - float64(i)
	if a == b || t <= 0 { // also infinities
		return a
	}
	return a + t*(b-a)
}

// next draws an index below n (at most 2³²).
func next(state *uint64, n int) int {
	*state += 0x9E3779B97F4A7C15
	z := *state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return int((z >> 32) * uint64(n) >> 32)
}
