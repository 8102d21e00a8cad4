package stats

import "github.com/trustsr/trustsr/internal/bootstrap"

// BootstrapMean returns the percentile interval of the mean of values from
// resamples drawn with replacement: Efron, "Bootstrap methods: another look at
// the jackknife" (1979), with linear interpolation between resamples (type 7 of
// Hyndman and Fan). The same seed gives the same draws everywhere. Values may
// be infinite, as a PSNR is. The interval is NaN without values or resamples,
// or with a confidence outside (0, 1).
func BootstrapMean(values []float64, resamples int, seed uint64, confidence float64) Interval {
	low, high := bootstrap.Mean(values, resamples, seed, confidence)
	return Interval{low, high}
}
