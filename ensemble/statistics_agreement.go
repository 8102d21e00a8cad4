package ensemble

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrRatings is what errors about ratings of which no agreement can be
// calculated wrap.
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

// Cohen returns the kappa of two raters of the same subjects: Cohen, "A
// coefficient of agreement for nominal scales" (1960). The error wraps
// [ErrRatings] where there are no subjects, unequally many, or both raters
// use the same single category.
func Cohen[T comparable](a, b []T) (float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fmt.Errorf("kappa of Cohen, %d and %d ratings: %w", len(a), len(b), ErrRatings)
	}
	agreed := 0
	inA, inB := make(map[T]int), make(map[T]int)
	for i := range a {
		if a[i] == b[i] {
			agreed++
		}
		inA[a[i]]++
		inB[b[i]]++
	}
	n := len(a)
	chance := 0 // in units of 1/n²
	for v, c := range inA {
		chance += c * inB[v]
	}
	if chance == n*n {
		return 0, fmt.Errorf("kappa of Cohen: all ratings are in one category: %w", ErrRatings)
	}
	return float64(agreed*n-chance) / float64(n*n-chance), nil
}

// ReadingAgreement returns Krippendorff's nominal alpha of the readings of
// ballots: raters are participants, units trials; who gave no reading is
// missing there. With one trial alone agreement cannot be told from chance,
// and the error wraps [ErrRatings] where all read the same.
func ReadingAgreement(ballots []Ballot) (float64, error) {
	people, trials := Participants(ballots), Trials(ballots)
	var words []string
	for _, b := range ballots {
		words = append(words, b.Reading)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	ratings := make([][]float64, len(people))
	row, column := index(people), index(trials)
	for i := range ratings {
		ratings[i] = slices.Repeat([]float64{math.NaN()}, len(trials))
	}
	for _, b := range ballots {
		if b.Reading != "" {
			code, _ := slices.BinarySearch(words, b.Reading)
			ratings[row[b.Participant]][column[b.Trial]] = float64(code)
		}
	}
	return Krippendorff(ratings, Nominal)
}

// PickAgreement returns Krippendorff's nominal alpha of the picks of one
// trial: raters are participants, units samples, each rated picked or not.
// Samples that a participant was not shown are missing. The error wraps
// [ErrRatings] where nothing or everything was picked.
func PickAgreement(t *Tally) (float64, error) {
	column := make(map[uint64]int, len(t.Samples))
	for i, v := range t.Samples {
		column[v.Sample] = i
	}
	ratings := make([][]float64, len(t.ballots))
	for i, b := range t.ballots {
		ratings[i] = slices.Repeat([]float64{math.NaN()}, len(t.Samples))
		for _, s := range b.Shown {
			ratings[i][column[s]] = 0
		}
		for _, s := range b.Picks {
			ratings[i][column[s]] = 1
		}
	}
	return Krippendorff(ratings, Nominal)
}

func index(names []string) map[string]int {
	m := make(map[string]int, len(names))
	for i, n := range names {
		m[n] = i
	}
	return m
}
