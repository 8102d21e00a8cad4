package stats

import (
	"errors"
	"fmt"
	"maps"
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
	units := make([]Unit, len(table))
	for i, row := range table {
		if len(row) != len(table[0]) {
			return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d categories, the first %d: %w", i, len(row), len(table[0]), ErrRatings)
		}
		for j, c := range row {
			units[i] = append(units[i], Count{j, c})
		}
	}
	return FleissOf(units, len(table[0]))
}

// FleissOf is [Fleiss] of counts, of so many categories.
func FleissOf(subjects []Unit, categories int) (*FleissKappa, error) {
	if len(subjects) == 0 || categories < 1 {
		return nil, fmt.Errorf("kappa of Fleiss, no subjects or categories: %w", ErrRatings)
	}
	raters := subjects[0].ratings()
	if raters < 2 {
		return nil, fmt.Errorf("kappa of Fleiss, %d raters: %w", raters, ErrRatings)
	}
	f := &FleissKappa{Categories: make([]float64, categories)}
	var mean float64
	for i, subject := range subjects {
		squares := 0
		for _, c := range subject {
			if c.Ratings < 0 || c.Category < 0 || c.Category >= categories {
				return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d ratings of category %d of %d: %w", i, c.Ratings, c.Category, categories, ErrRatings)
			}
			squares += c.Ratings * c.Ratings
			f.Categories[c.Category] += float64(c.Ratings)
		}
		if total := subject.ratings(); total != raters {
			return nil, fmt.Errorf("kappa of Fleiss: subject %d has %d ratings, the first %d: %w", i, total, raters, ErrRatings)
		}
		p := float64(squares-raters) / (float64(raters) * float64(raters-1))
		f.Subjects = append(f.Subjects, p)
		mean += p / float64(len(subjects))
	}
	var chance float64
	for j := range f.Categories {
		f.Categories[j] /= float64(len(subjects)) * float64(raters)
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

	units := 0
	if len(ratings) > 0 {
		units = len(ratings[0])
	}
	all := make([]Unit, units) // of each unit, how often each value occurs
	for u := range all {
		here := make(map[int]int)
		for _, row := range ratings {
			if !math.IsNaN(row[u]) {
				at, _ := slices.BinarySearch(values, row[u])
				here[at]++
			}
		}
		for _, at := range slices.Sorted(maps.Keys(here)) {
			all[u] = append(all[u], Count{at, here[at]})
		}
	}
	if scale == Nominal {
		return KrippendorffNominal(all)
	}

	// coincidences[c][k] is the number of pairs of values c and k in a unit,
	// each unit weighted by 1/(ratings-1).
	coincidences := make([][]float64, len(values))
	for i := range coincidences {
		coincidences[i] = make([]float64, len(values))
	}
	for _, unit := range all {
		n := unit.ratings()
		if n < 2 {
			continue
		}
		for _, c := range unit {
			for _, k := range unit {
				pairs := c.Ratings * k.Ratings
				if c.Category == k.Category {
					pairs -= c.Ratings // nobody pairs with himself
				}
				coincidences[c.Category][k.Category] += float64(pairs) / float64(n-1)
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

// Unit is how often each category was given to one unit: every category once,
// in any order.
type Unit []Count

// Count is how many ratings put a unit in a category, which is a number from 0.
type Count struct{ Category, Ratings int }

func (u Unit) ratings() int {
	n := 0
	for _, c := range u {
		n += c.Ratings
	}
	return n
}

// KrippendorffNominal is [Krippendorff] of categories without order, from
// counts: its time and memory grow with the counts, not with the raters.
func KrippendorffNominal(units []Unit) (float64, error) {
	marginal := make(map[int]int)
	var total, same float64
	for _, u := range units {
		n := u.ratings()
		if n < 2 {
			continue
		}
		pairs := 0
		for _, c := range u {
			marginal[c.Category] += c.Ratings
			pairs += c.Ratings * (c.Ratings - 1)
		}
		total += float64(n)
		same += float64(pairs) / float64(n-1)
	}
	expected := total * total
	for _, c := range slices.Sorted(maps.Keys(marginal)) {
		expected -= float64(marginal[c]) * float64(marginal[c])
	}
	if expected == 0 {
		return 0, fmt.Errorf("alpha: no unit with two ratings, or one value only: %w", ErrRatings)
	}
	return 1 - (total-1)*(total-same)/expected, nil
}

// squaredDifference is δ² of the values with indices c ≤ k.
func squaredDifference(scale Scale, values, marginal []float64, c, k int) float64 {
	switch {
	case c == k:
		return 0
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
