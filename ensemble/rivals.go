package ensemble

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ReadingCount is how many people read one thing.
type ReadingCount struct {
	Reading string
	People  int // who read this
	Of      int // who read anything

	Simulated int // of People, that are simulated

	Wilson, ClopperPearson stats.Interval // of People/Of, at 95 %

	// Test is the exact test of People of Of against ½: whether the reading
	// is that of more, or fewer, than half.
	Test stats.BinomialTest
}

// CountReadings counts the readings of ballots, the most frequent first,
// equal ones in the order of their text. Ballots without a reading count
// nowhere. Readings that differ in nothing but composition, case and width of
// their signs are one, written as most people write it.
func CountReadings(ballots []Ballot) []ReadingCount {
	ballots, _ = sameReadings(ballots)
	people, simulated := make(map[string]int), make(map[string]int)
	of := 0
	for i := range ballots {
		b := &ballots[i]
		if b.Reading == "" {
			continue
		}
		people[b.Reading]++
		of++
		if b.Simulated {
			simulated[b.Reading]++
		}
	}
	var out []ReadingCount
	made := make(map[int]ReadingCount) // by number of people: thousands may write something of their own
	for reading, n := range people {
		c, ok := made[n]
		if !ok {
			c = countReading("", n, of)
			made[n] = c
		}
		c.Reading, c.Simulated = reading, simulated[reading]
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b ReadingCount) int {
		return cmp.Or(cmp.Compare(b.People, a.People), strings.Compare(a.Reading, b.Reading))
	})
	return out
}

func countReading(reading string, n, of int) ReadingCount {
	return ReadingCount{
		Reading: reading, People: n, Of: of,
		Wilson: stats.Wilson(n, of, 0.95), ClopperPearson: stats.ClopperPearson(n, of, 0.95), Test: stats.Binomial(n, of, 0.5),
	}
}

// SampleReadings returns what people read in each sample with votes: the
// reading of most who picked it, and "" where two readings have equally many.
func SampleReadings(t *Tally) map[uint64]string {
	counts := make(map[uint64]map[string]int)
	for _, b := range t.ballots {
		if b.Reading == "" {
			continue
		}
		for _, s := range b.Picks {
			if counts[s] == nil {
				counts[s] = make(map[string]int)
			}
			counts[s][b.Reading]++
		}
	}
	out := make(map[uint64]string, len(counts))
	for s, readings := range counts {
		most, at := 0, ""
		for reading, n := range readings {
			switch {
			case n > most:
				most, at = n, reading
			case n == most:
				at = ""
			}
		}
		out[s] = at
	}
	return out
}

// Rival is one reading with the ensemble that speaks for it.
type Rival struct {
	ReadingCount

	Samples     []uint64       // in which it was read, in rising order of seed
	SampleShare stats.Interval // 95 % Wilson interval of their share of all read samples

	Selection *Selection     // top k of Samples by votes; nil where none has a vote
	Image     *picture.Image // of the selection; nil without one
}

// Label names the reading under a picture, with the people who read it, or,
// where nobody was asked, the samples in which a reader does, and with how
// many samples are combined: rivals of unlike numbers are unlike in blur.
func (r *Rival) Label() string {
	label := fmt.Sprintf("%q: %d of %d", r.Reading, r.People, r.Of)
	if r.Of == 0 {
		label = fmt.Sprintf("%q in %d samples", r.Reading, len(r.Samples))
	}
	if r.Selection != nil {
		label += fmt.Sprintf(", %d combined", len(r.Selection.Chosen))
	}
	return label
}

// Rivals are the readings of one trial side by side. They say how many people
// and samples there are for each, never which one is true.
type Rivals struct {
	Trial     string
	Unread    int      // people without a reading
	ByReader  bool     // samples were read by a reader, not by people
	Contested []uint64 // samples in which equally many people read different things
	Rivals    []Rival  // most people first
}

// FindRivals groups samples by what was read in them and makes one ensemble
// of each group: the top k of its samples by votes ([Tally.Top]), combined as
// said. What is read
// in a sample is readings, a reader's word for each (not "" to count), or,
// where that is nil, [SampleReadings]; then only people who read the same
// vote on a group. The images are looked up by seed.
func FindRivals(t *Tally, readings map[uint64]string, k int, rule TieRule, seed uint64, combination Combination, image func(sample uint64) (*picture.Image, error)) (*Rivals, error) {
	r := &Rivals{Trial: t.Trial, ByReader: readings != nil}
	if readings == nil {
		readings = SampleReadings(t)
	} else {
		readings = asPeopleWrite(readings, t.ballots)
	}
	groups := make(map[string][]uint64)
	read := 0
	for _, v := range t.Samples {
		switch reading, known := readings[v.Sample]; {
		case reading != "":
			groups[reading] = append(groups[reading], v.Sample)
			read++
		case known && !r.ByReader:
			r.Contested = append(r.Contested, v.Sample)
		}
	}
	counts := CountReadings(t.ballots)
	r.Unread = t.Ballots
	of := 0
	for _, c := range counts {
		r.Unread -= c.People
		of = c.Of
	}
	voters := make(map[string][]*Ballot)
	for i := range t.ballots {
		b := &t.ballots[i]
		voters[b.Reading] = append(voters[b.Reading], b)
	}
	var unread []string // by people, though samples of it were drawn
	for reading := range groups {
		if voters[reading] == nil {
			unread = append(unread, reading)
		}
	}
	slices.Sort(unread)
	for _, reading := range unread {
		counts = append(counts, countReading(reading, 0, of))
	}
	for _, c := range counts {
		rival := Rival{ReadingCount: c, Samples: groups[c.Reading]}
		rival.SampleShare = stats.Wilson(len(rival.Samples), read, 0.95)
		var err error
		part := t.partOf(rival.Samples)
		if !r.ByReader {
			part.recount(voters[c.Reading])
		}
		if rival.Selection, err = part.Top(k, rule, seed); errors.Is(err, ErrNoVotes) {
			rival.Selection, err = nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("rival reading %q: %w", c.Reading, err)
		}
		if rival.Selection != nil {
			if rival.Image, err = combination.combine(part, rival.Selection.Chosen, image); err != nil {
				return nil, fmt.Errorf("rival reading %q: %w", c.Reading, err)
			}
		}
		r.Rivals = append(r.Rivals, rival)
	}
	return r, nil
}

// partOf is the tally of some samples.
func (t *Tally) partOf(samples []uint64) *Tally {
	part := &Tally{Trial: t.Trial, Ballots: t.Ballots}
	for _, s := range samples {
		part.Samples = append(part.Samples, t.Of(s))
	}
	return part
}

// recount leaves the votes of some ballots alone.
func (t *Tally) recount(voters []*Ballot) {
	t.Ballots = len(voters)
	votes := make(map[uint64]int)
	for _, b := range voters {
		for _, s := range b.Picks {
			votes[s]++
		}
	}
	for i := range t.Samples {
		t.Samples[i].Votes = votes[t.Samples[i].Sample]
	}
}

// Mixture returns how many of some samples were read as what, and whether
// they mix readings. Samples without a reading are left out; "" counts
// contested ones and mixes.
func Mixture(samples []uint64, readings map[uint64]string) (counts map[string]int, mixed bool) {
	counts = make(map[string]int)
	for _, s := range samples {
		if reading, known := readings[s]; known {
			counts[reading]++
		}
	}
	return counts, len(counts) > 1 || counts[""] > 0
}

// MixtureWarning returns the warning that has to stand beside an ensemble of
// samples that mix readings ([Mixture]), or "".
func MixtureWarning(samples []uint64, readings map[uint64]string) string {
	counts, mixed := Mixture(samples, readings)
	if !mixed {
		return ""
	}
	var words []string
	for reading := range counts {
		words = append(words, reading)
	}
	slices.SortFunc(words, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for i, reading := range words {
		if reading == "" {
			words[i] = fmt.Sprintf("%d contested", counts[reading])
		} else {
			words[i] = fmt.Sprintf("%d read as “%s”", counts[reading], reading)
		}
	}
	return "This ensemble mixes readings: " + strings.Join(words, ", ") + ". The mean of different shapes is a shape that no sample has; look at the ensembles of each reading."
}
