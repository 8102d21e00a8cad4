package ensemble

import (
	"fmt"
	"math"
	"slices"

	"github.com/trustsr/trustsr/ensemble/stats"
)

// Concord is how far people agree in what they read, over the trials of a
// study. Agreement beyond chance needs several trials of which not all are
// read the same: in one alone all coefficients are about 0 or below, whatever
// people say, and Alpha and Kappa are NaN.
type Concord struct {
	Trials int // in which somebody read something
	People int // who read something

	Alpha float64 // Krippendorff's, nominal ([ReadingAgreement])

	// Kappa is Fleiss's, of the Complete people who read something in every
	// trial: it takes no missing ratings.
	Kappa    float64
	Complete int
}

// ReadingConcord returns the agreement of the readings of a study's ballots.
func ReadingConcord(ballots []Ballot) Concord {
	var read []Ballot
	for _, b := range ballots {
		if b.Reading != "" {
			read = append(read, b)
		}
	}
	trials, people := Trials(read), Participants(read)
	c := Concord{Trials: len(trials), People: len(people), Alpha: math.NaN(), Kappa: math.NaN()}
	answered := make(map[string]int)
	for _, b := range read {
		answered[b.Participant]++
	}
	for _, n := range answered {
		if n == len(trials) {
			c.Complete++
		}
	}
	if len(trials) < 2 {
		return c
	}
	if alpha, err := ReadingAgreement(read); err == nil {
		c.Alpha = alpha
	}
	var words []string
	for _, b := range read {
		words = append(words, b.Reading)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	table := make([][]int, len(trials))
	row := index(trials)
	for i := range table {
		table[i] = make([]int, len(words))
	}
	for _, b := range read {
		if answered[b.Participant] == len(trials) {
			at, _ := slices.BinarySearch(words, b.Reading)
			table[row[b.Trial]][at]++
		}
	}
	if f, err := stats.Fleiss(table); err == nil {
		c.Kappa = f.Kappa
	}
	return c
}

// sentence says it in a report, "" where nobody read anything.
func (c Concord) sentence() string {
	switch {
	case c.Trials == 0:
		return ""
	case c.Trials == 1:
		return "Agreement of readings beyond chance (Krippendorff's α, Fleiss's κ) needs more than one trial."
	}
	return fmt.Sprintf("Agreement of readings over %d trials: Krippendorff's α %s of %s, Fleiss's κ %s of the %d who read every trial.",
		c.Trials, number(c.Alpha, "%.3f"), people(c.People), number(c.Kappa, "%.3f"), c.Complete)
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
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
	return stats.Krippendorff(ratings, stats.Nominal)
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
	return stats.Krippendorff(ratings, stats.Nominal)
}

func index(names []string) map[string]int {
	m := make(map[string]int, len(names))
	for i, n := range names {
		m[n] = i
	}
	return m
}
