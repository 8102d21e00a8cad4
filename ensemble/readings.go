package ensemble

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// foldReading returns what is the same for all ways to write one reading:
// composed or not, in capitals or not, in wide or narrow signs.
func foldReading(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(width.Fold.String(s))))
}

// Spellings are readings that differ in nothing but Unicode's composition,
// case and width: what most people wrote, and the other ways.
type Spellings struct {
	Reading string
	Others  []string
}

// sameReadings returns ballots in which one reading is written in one way, the
// most frequent, or the first in the order of text where ways are equally
// frequent, and which readings were written in several. The ballots given are
// not changed.
func sameReadings(ballots []Ballot) ([]Ballot, []Spellings) {
	counts := make(map[string]int)
	for i := range ballots {
		if r := ballots[i].Reading; r != "" {
			counts[r]++
		}
	}
	groups := make(map[string][]string)
	for r := range counts {
		key := foldReading(r)
		groups[key] = append(groups[key], r)
	}
	if len(groups) == len(counts) {
		return ballots, nil
	}
	to := make(map[string]string)
	var several []Spellings
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		ways := groups[key]
		if len(ways) == 1 {
			continue
		}
		slices.SortFunc(ways, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
		several = append(several, Spellings{ways[0], ways[1:]})
		for _, r := range ways[1:] {
			to[r] = ways[0]
		}
	}
	out := slices.Clone(ballots)
	for i := range out {
		if r, other := to[out[i].Reading]; other {
			out[i].Reading = r
		}
	}
	return out, several
}

// asPeopleWrite gives the readings of a reader the spelling of the ballots.
func asPeopleWrite(readings map[uint64]string, ballots []Ballot) map[uint64]string {
	if readings == nil {
		return nil
	}
	written := make(map[string]string)
	for i := range ballots {
		if r := ballots[i].Reading; r != "" && written[r] == "" {
			written[r] = r
			written[foldReading(r)] = r
		}
	}
	out := make(map[uint64]string, len(readings))
	for s, r := range readings {
		if as, ok := written[foldReading(r)]; ok {
			r = as
		}
		out[s] = r
	}
	return out
}
