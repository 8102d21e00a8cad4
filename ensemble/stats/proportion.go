// Package stats has the statistics of answers that people give: intervals and
// the exact test of a proportion ([Wilson], [ClopperPearson], [Binomial]), how
// far raters agree ([Krippendorff], [Fleiss]), and paired differences
// ([Wilcoxon], [BootstrapMean]). It knows nothing of ballots or pictures; each
// function names its paper and the library that it was compared with.
package stats

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// Contains reports whether v is inside the interval or on its border.
func (i Interval) Contains(v float64) bool { return i.Low <= v && v <= i.High }

func (i Interval) String() string { return fmt.Sprintf("[%.3f, %.3f]", i.Low, i.High) }

// proportion reports whether k of n is a proportion about which something is
// known; where not, i is the interval to return.
func proportion(k, n int, confidence float64) (i Interval, known bool) {
	switch {
	case k < 0 || k > n || !(confidence > 0 && confidence < 1):
		return Interval{math.NaN(), math.NaN()}, false
	case n == 0:
		return Interval{0, 1}, false
	}
	return Interval{}, true
}

// z is the two-sided critical value of the standard normal distribution.
func z(confidence float64) float64 { return distuv.UnitNormal.Quantile(1 - (1-confidence)/2) }

// Wilson returns the score interval of a proportion, k of n, at a confidence
// such as 0.95: Wilson, "Probable inference, the law of succession, and
// statistical inference", JASA 22 (1927). Its mean coverage is close to the
// confidence even for few people. [0, 1] when n is 0; NaN when k of n is no
// proportion or the confidence is not inside (0, 1), as with the other
// intervals here. Equals statsmodels' proportion_confint to 1e-12.
func Wilson(k, n int, confidence float64) Interval {
	i, known := proportion(k, n, confidence)
	if !known {
		return i
	}
	p, size, z := float64(k)/float64(n), float64(n), z(confidence)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	i = Interval{max(0, centre-half), min(1, centre+half)}
	// The bounds are 0 and 1 exactly there; rounding leaves 1e-17.
	if k == 0 {
		i.Low = 0
	}
	if k == n {
		i.High = 1
	}
	return i
}

// ClopperPearson returns the exact interval of a proportion: Clopper and
// Pearson, "The use of confidence or fiducial limits illustrated in the case
// of the binomial", Biometrika 26 (1934). It covers at least with the
// confidence asked for, mostly with more. NaN and [0, 1] as in [Wilson].
func ClopperPearson(k, n int, confidence float64) Interval {
	i, known := proportion(k, n, confidence)
	if !known {
		return i
	}
	tail := (1 - confidence) / 2
	i = Interval{0, 1}
	if k > 0 {
		i.Low = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail)
	}
	if k < n {
		i.High = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - tail)
	}
	return i
}

// BinomialTest is the exact test of k successes in n trials against the
// probability p0: p-values, of which TwoSided is the one to report.
type BinomialTest struct {
	TwoSided float64 // outcomes not more probable than k, as in R and SciPy
	Greater  float64 // k or more
	Less     float64 // k or fewer
	Doubled  float64 // twice the smaller tail, at most 1
	MidP     float64 // twice the smaller tail with half the probability of k
}

// Binomial returns the exact binomial test of k of n against p0 in (0, 1); 22
// of 30 against ½ has p = 0.0161. All p-values are NaN when k of n is no
// proportion or p0 is outside (0, 1), and 1 when n is 0. TwoSided equals
// SciPy's binomtest to 1e-12.
func Binomial(k, n int, p0 float64) BinomialTest {
	if k < 0 || k > n || !(p0 > 0 && p0 < 1) {
		nan := math.NaN()
		return BinomialTest{nan, nan, nan, nan, nan}
	}
	d := distuv.Binomial{N: float64(n), P: p0}
	at := d.Prob(float64(k))
	t := BinomialTest{Less: d.CDF(float64(k)), Greater: 1}
	if k > 0 {
		// The CDF of failures: 1 less a CDF near 1 would lose the digits.
		t.Greater = distuv.Binomial{N: float64(n), P: 1 - p0}.CDF(float64(n - k))
	}
	// Probabilities rise to the mode and fall behind it, so that the outcomes
	// not more probable than k are two tails. SciPy and R take probabilities
	// within 1e-7 of each other for equal.
	rare := func(i int) bool { return d.Prob(float64(i)) <= at*(1+1e-7) }
	mode := min(n, int(float64(n+1)*p0))
	low := sort.Search(mode, func(i int) bool { return !rare(i) }) // the first that is not
	high := mode + sort.Search(n+1-mode, func(i int) bool { return rare(mode + i) })
	for _, tail := range [][2]int{{low - 1, -1}, {high, 1}} {
		for i := tail[0]; i >= 0 && i <= n; i += tail[1] {
			p := d.Prob(float64(i))
			if t.TwoSided += p; p < 1e-18*t.TwoSided { // what follows is less still
				break
			}
		}
	}
	t.TwoSided = min(1, t.TwoSided)
	tail := min(t.Less, t.Greater)
	t.Doubled = min(1, 2*tail)
	t.MidP = min(1, 2*tail-at)
	return t
}
