package ensemble

import (
	"fmt"
	"maps"
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
	ballots, _ = sameReadings(ballots)
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
	var complete []Ballot
	for _, b := range read {
		if answered[b.Participant] == len(trials) {
			complete = append(complete, b)
		}
	}
	units, words := readingUnits(complete)
	if f, err := stats.FleissOf(units, words); err == nil {
		c.Kappa = f.Kappa
	}
	return c
}

// concordSentence says it in a report, "" where nobody read anything: without
// the golden trials, and with them where there are any.
func concordSentence(c, withGolden Concord) string {
	if withGolden.Trials == 0 {
		return ""
	}
	text := "Agreement of readings " + c.text() + "."
	if golden := withGolden.Trials - c.Trials; golden > 0 {
		text += fmt.Sprintf(" With %s, which serve to judge participants: %s.", plural(golden, "golden trial"), withGolden.text())
	}
	return text
}

func (c Concord) text() string {
	if c.Trials < 2 {
		return "beyond chance (Krippendorff's α, Fleiss's κ) needs more than one trial"
	}
	return fmt.Sprintf("over %d trials: Krippendorff's α %s of %s, Fleiss's κ %s of the %d who read every trial",
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
// and the error wraps [stats.ErrRatings] where all read the same.
func ReadingAgreement(ballots []Ballot) (float64, error) {
	ballots, _ = sameReadings(ballots)
	units, _ := readingUnits(ballots)
	return stats.KrippendorffNominal(units)
}

// readingUnits counts what was read in each trial, and how many readings
// there are.
func readingUnits(ballots []Ballot) (units []stats.Unit, words int) {
	trial, word := make(map[string]int), make(map[string]int)
	var counts []map[int]int
	for i := range ballots {
		b := &ballots[i]
		if b.Reading == "" {
			continue
		}
		at, known := trial[b.Trial]
		if !known {
			at = len(trial)
			trial[b.Trial] = at
			counts = append(counts, make(map[int]int))
		}
		code, known := word[b.Reading]
		if !known {
			code = len(word)
			word[b.Reading] = code
		}
		counts[at][code]++
	}
	for _, here := range counts {
		var u stats.Unit
		for _, code := range slices.Sorted(maps.Keys(here)) {
			u = append(u, stats.Count{Category: code, Ratings: here[code]})
		}
		units = append(units, u)
	}
	return units, len(word)
}

// PickAgreement returns Krippendorff's nominal alpha of the picks of one
// trial: raters are participants, units samples, each rated picked or not.
// Samples that a participant was not shown are missing. The error wraps
// [stats.ErrRatings] where nothing or everything was picked.
func PickAgreement(t *Tally) (float64, error) {
	units := make([]stats.Unit, len(t.Samples))
	for i, v := range t.Samples {
		units[i] = stats.Unit{{Category: 0, Ratings: v.Shown - v.Votes}, {Category: 1, Ratings: v.Votes}}
	}
	return stats.KrippendorffNominal(units)
}
