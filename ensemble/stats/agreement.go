package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrRatings is wrapped by errors about ratings of which no agreement can be
// calculated.
var ErrRatings = errors.New("ratings without agreement")

// FleissKappa is the agreement of several raters: Fleiss, "Measuring nominal
// scale agreement among many raters", Psychological Bulletin 76 (1971).
type FleissKappa struct {
	Kappa      float64   // 1 for perfect, 0 for chance
	Subjects   []float64 // P_i, agreement on each subject
	Categories []float64 // p_j, share of each category
}

// Fleiss returns the kappa of a table of subjects × categories: how many
// raters put the subject in the category. Every row must hold the same number
// of ratings, at least 2, and two categories must be used; otherwise the
// error wraps [ErrRatings]. Where ratings are missing use [Krippendorff].
func Fleiss(table [][]int) (*FleissKappa, error) {
	if len(table) == 0 || len(table[0]) == 0 {
		return nil, fmt.Errorf("kappa of Fleiss, no subjects or categories: %w", ErrRatings)
	}
	raters := 0
	for _, c := range table[0] {
		raters += c
	}
	if raters < 2 {
		return nil, fmt.Errorf("kappa of Fleiss, %d raters: %w", raters, ErrRatings)
	}
	f := &FleissKappa{Categories: make([]float64, len(table[0]))}
	var mean float64
	for i, row := range table {
		total, squares := 0, 0
		if len(row) != len(f.Categories) {
			return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d categories, the first %d: %w", i, len(row), len(f.Categories), ErrRatings)
		}
		for j, c := range row {
			if c < 0 {
				return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d ratings of a category: %w", i, c, ErrRatings)
			}
			total += c
			squares += c * c
			f.Categories[j] += float64(c)
		}
		if total != raters {
			return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d ratings, the first %d: %w", i, total, raters, ErrRatings)
		}
		p := float64(squares-raters) / float64(raters*(raters-1))
		f.Subjects = append(f.Subjects, p)
		mean += p / float64(len(table))
	}
	var chance float64
	for j := range f.Categories {
		f.Categories[j] /= float64(len(table) * raters)
		chance += f.Categories[j] * f.Categories[j]
	}
	if slices.Max(f.Categories) == 1 {
		return nil, fmt.Errorf("kappa of Fleiss: all ratings are in one category: %w", ErrRatings)
	}
	f.Kappa = (mean - chance) / (1 - chance)
	return f, nil
}

// Scale says what a difference of two ratings means to [Krippendorff].
type Scale int

const (
	Nominal       Scale = iota // equal or not
	Ordinal                    // ranks
	IntervalScale              // the difference counts
)

// Krippendorff returns the alpha of ratings[rater][unit], NaN where a rating
// is missing: Krippendorff, "Computing Krippendorff's alpha-reliability"
// (2011). It is 1 for perfect agreement and 0 for chance. Units with fewer
// than two ratings are left out. The error wraps [ErrRatings] where no unit
// is left, only one value occurs, or the raters have different numbers of
// units.
func Krippendorff(ratings [][]float64, scale Scale) (float64, error) {
	var values []float64
	for i, row := range ratings {
		if len(row) != len(ratings[0]) {
			return 0, fmt.Errorf("alpha: rater %d has %d units, rater 0 %d: %w", i, len(row), len(ratings[0]), ErrRatings)
		}
		for _, v := range row {
			if !math.IsNaN(v) {
				values = append(values, v)
			}
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)

	// coincidences[c][k] is the number of pairs of values c and k in a unit,
	// each unit weighted by 1/(ratings-1).
	coincidences := make([][]float64, len(values))
	for i := range coincidences {
		coincidences[i] = make([]float64, len(values))
	}
	units := 0
	if len(ratings) > 0 {
		units = len(ratings[0])
	}
	for u := range units {
		var here []int
		for _, row := range ratings {
			if !math.IsNaN(row[u]) {
				at, _ := slices.BinarySearch(values, row[u])
				here = append(here, at)
			}
		}
		if len(here) < 2 {
			continue
		}
		for i, c := range here {
			for j, k := range here {
				if i != j {
					coincidences[c][k] += 1 / float64(len(here)-1)
				}
			}
		}
	}
	marginal := make([]float64, len(values))
	var total float64
	for c, row := range coincidences {
		for _, v := range row {
			marginal[c] += v
			total += v
		}
	}
	var observed, expected float64
	for c := range values {
		for k := range values {
			d := squaredDifference(scale, values, marginal, min(c, k), max(c, k))
			observed += coincidences[c][k] * d
			expected += marginal[c] * marginal[k] * d
		}
	}
	if expected == 0 {
		return 0, fmt.Errorf("alpha: no unit with two ratings, or one value only: %w", ErrRatings)
	}
	return 1 - (total-1)*observed/expected, nil
}

// squaredDifference is δ² of the values with indices c ≤ k.
func squaredDifference(scale Scale, values, marginal []float64, c, k int) float64 {
	switch {
	case c == k:
		return 0
	case scale == Nominal:
		return 1
	case scale == Ordinal:
		between := -(marginal[c] + marginal[k]) / 2
		for g := c; g <= k; g++ {
			between += marginal[g]
		}
		return between * between
	}
	d := values[k] - values[c]
	return d * d
}
