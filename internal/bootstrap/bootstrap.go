// Package bootstrap estimates how far a mean would move with other data of the
// same kind: Efron's percentile bootstrap (1979) over a portable stream of
// random numbers, so that intervals are the same everywhere.
package bootstrap

import (
	"math"
	"slices"

	"github.com/trustsr/trustsr/internal/random"
)

// Resamples is how often data are resampled unless there is a reason for
// another number.
const Resamples = 2000

// Mean returns the percentile interval of the mean of values at a level, e.g.
// 0.95, from n resamples. Values may be infinite, not NaN. Without values or
// resamples, or with a level outside (0, 1), it returns NaN.
//
// The draws are those of [random.New] with the seed, one [random.Source.Below]
// a value. Percentiles are those of [Quantile].
func Mean(values []float64, n int, seed uint64, level float64) (low, high float64) {
	if len(values) == 0 || n < 1 || !(level > 0 && level < 1) {
		return math.NaN(), math.NaN()
	}
	means := Means(values, n, seed)
	slices.Sort(means)
	return Quantile(means, (1-level)/2), Quantile(means, (1+level)/2)
}

// Means returns the means of n resamples, in the order of the stream.
func Means(values []float64, n int, seed uint64) []float64 {
	source := random.New(seed)
	means := make([]float64, n)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[source.Below(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	return means
}

// Quantile returns the quantile p, 0 to 1, of sorted values: type 7 of Hyndman
// and Fan, interpolated linearly between the two nearest, as by numpy.
func Quantile(sorted []float64, p float64) float64 {
	return QuantileOf(len(sorted), func(rank int) float64 { return sorted[rank] }, p)
}

// QuantileOf is [Quantile] of n values, at least 1, of which value returns the one of a
// rank, 0 to n-1 from the smallest.
func QuantileOf(n int, value func(rank int) float64, p float64) float64 {
	at := p * float64(n-1)
	i := min(max(int(math.Floor(at)), 0), n-1)
	a, b := value(i), value(min(i+1, n-1))
	t := at - float64(i)
	if a == b || t <= 0 { // also infinities
		return a
	}
	return a + t*(b-a)
}
