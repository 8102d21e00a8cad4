package ensemble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/trustsr/trustsr/internal/bootstrap"
	"github.com/trustsr/trustsr/internal/random"
)

// ErrNoVotes is what errors about a tally in which no sample has a vote wrap.
var ErrNoVotes = errors.New("no votes")

// Votes is one sample's line of a [Tally].
type Votes struct {
	Sample uint64 // its seed
	Votes  int    // people who picked it
	Shown  int    // people who saw it

	// Position is the mean position at which it was shown, 0 for first and 1
	// for last.
	Position float64
}

// Label is the votes in words, to stand under a picture.
func (v Votes) Label() string {
	if v.Votes == 1 {
		return "1 vote"
	}
	return fmt.Sprintf("%d votes", v.Votes)
}

// Tally is the votes of one trial.
type Tally struct {
	Trial   string
	Ballots int     // people who answered
	None    int     // of them, with "none of these" or no pick
	Picks   int     // votes altogether
	Samples []Votes // every sample that was shown, in rising order of seed

	ballots []Ballot // of this trial
}

// Count counts the votes of the ballots of one trial. It fails when there is
// none, and when a ballot is flawed ([Ballot.Check]) or cast twice ([Once]).
func Count(trial string, ballots []Ballot) (*Tally, error) {
	t := &Tally{Trial: trial}
	t.ballots, _ = sameReadings(OfTrial(ballots, trial))
	if len(t.ballots) == 0 {
		return nil, fmt.Errorf("count trial %q: no ballots: %w", trial, ErrNoVotes)
	}
	if err := Once(t.ballots); err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	lines := make(map[uint64]*Votes)
	positions := make(map[uint64]uint64) // sums in units of 2⁻³²: the same in any order of ballots
	for i := range t.ballots {
		b := &t.ballots[i]
		if err := b.Check(); err != nil {
			return nil, fmt.Errorf("count: %w", err)
		}
		t.Ballots++
		if len(b.Picks) == 0 {
			t.None++
		}
		for at, s := range b.Shown {
			v := lines[s]
			if v == nil {
				v = &Votes{Sample: s}
				lines[s] = v
			}
			v.Shown++
			if len(b.Shown) > 1 {
				positions[s] += uint64(at) << 32 / uint64(len(b.Shown)-1)
			}
		}
		for _, s := range b.Picks {
			lines[s].Votes++
			t.Picks++
		}
	}
	for _, v := range lines {
		v.Position = float64(positions[v.Sample]) / float64(v.Shown) / (1 << 32)
		t.Samples = append(t.Samples, *v)
	}
	slices.SortFunc(t.Samples, func(a, b Votes) int { return cmp.Compare(a.Sample, b.Sample) })
	return t, nil
}

// Of returns the line of a sample; Shown is 0 where it was not shown.
func (t *Tally) Of(sample uint64) Votes {
	i, found := slices.BinarySearchFunc(t.Samples, sample, func(v Votes, s uint64) int { return cmp.Compare(v.Sample, s) })
	if !found {
		return Votes{Sample: sample}
	}
	return t.Samples[i]
}

// Voted returns the samples with votes, most votes first, equal ones in
// rising order of seed.
func (t *Tally) Voted() []Votes {
	var voted []Votes
	for _, v := range t.Samples {
		if v.Votes > 0 {
			voted = append(voted, v)
		}
	}
	slices.SortStableFunc(voted, func(a, b Votes) int { return cmp.Compare(b.Votes, a.Votes) })
	return voted
}

// TieRule says which samples are chosen when more are tied at the cut than
// there are places. Which five of 324 are "the most selected" is decided by
// ties in four studies of five in which thirty people pick two each, so that
// the rule is part of the result.
type TieRule string

const (
	// Expand chooses all that are tied at the cut: more than k samples.
	Expand TieRule = "expand"

	// SeededDraw fills the places by lot among the tied, decided by a seed.
	SeededDraw TieRule = "seeded-draw"

	// ShownLast fills the places with those of the tied that were shown later
	// in the mean: what comes first is picked more often, so a vote won late
	// in the order says more. Equal positions are decided by the lower seed.
	ShownLast TieRule = "shown-last"
)

// TieRules are all tie rules.
var TieRules = []TieRule{Expand, SeededDraw, ShownLast}

// FindTieRule returns the tie rule of a name. It knows the longer names,
// "seeded draw" and "order shown last", of earlier study files too.
func FindTieRule(name string) (TieRule, error) {
	switch name {
	case "seeded draw":
		return SeededDraw, nil
	case "order shown last":
		return ShownLast, nil
	}
	if rule := TieRule(name); slices.Contains(TieRules, rule) {
		return rule, nil
	}
	return "", fmt.Errorf("tie rule %q is none of %q", name, TieRules)
}

// Selection is the top k by majority vote, and what decided it.
type Selection struct {
	K    int     // places
	Rule TieRule // for ties at the cut
	Seed uint64  // of a seeded draw

	Chosen  []uint64 // most votes first; k of them, more by Expand, fewer where fewer have votes
	Certain []uint64 // chosen under every tie rule
	Tied    []uint64 // compete for Places; empty when no tie decides
	Places  int      // left for the tied
	Cut     int      // votes of the last place
}

// Decided reports whether votes alone decided the selection.
func (s *Selection) Decided() bool { return len(s.Tied) == 0 }

// Resolutions returns how many different selections of exactly k samples the
// votes allow: 1 when no tie is at the cut.
func (s *Selection) Resolutions() *big.Int {
	return new(big.Int).Binomial(int64(len(s.Tied)), int64(s.Places))
}

// Top returns the k samples with the most votes. Samples without a vote are
// never chosen. The seed matters to [SeededDraw] alone. It fails with an
// error that wraps [ErrNoVotes] when nobody picked anything.
func (t *Tally) Top(k int, rule TieRule, seed uint64) (*Selection, error) {
	if k < 1 {
		return nil, fmt.Errorf("trial %q: top %d of the votes", t.Trial, k)
	}
	if !slices.Contains(TieRules, rule) {
		return nil, fmt.Errorf("trial %q: no tie rule %q among %q", t.Trial, rule, TieRules)
	}
	voted := t.Voted()
	if len(voted) == 0 {
		return nil, fmt.Errorf("trial %q: none of %d people picked a sample: %w", t.Trial, t.Ballots, ErrNoVotes)
	}
	s := &Selection{K: k, Rule: rule, Seed: seed}
	certain, tied := cut(voted, k)
	s.Certain = samplesOf(certain)
	s.Chosen = slices.Clone(s.Certain)
	s.Cut = voted[min(k, len(voted))-1].Votes
	if len(tied) == 0 {
		return s, nil
	}
	s.Tied = samplesOf(tied)
	s.Places = k - len(certain)
	s.Chosen = append(s.Chosen, resolve(tied, s.Places, rule, seed)...)
	return s, nil
}

// cut divides samples in falling order of votes into those that are among the
// top k whatever the tie rule, and those tied for the places that are left.
func cut(voted []Votes, k int) (certain, tied []Votes) {
	if len(voted) <= k {
		return voted, nil
	}
	at := voted[k-1].Votes
	if voted[k].Votes < at {
		return voted[:k], nil
	}
	from, to := k-1, k
	for from > 0 && voted[from-1].Votes == at {
		from--
	}
	for to < len(voted) && voted[to].Votes == at {
		to++
	}
	return voted[:from], voted[from:to]
}

func resolve(tied []Votes, places int, rule TieRule, seed uint64) []uint64 {
	switch rule {
	case SeededDraw:
		list := samplesOf(tied)
		random.Named(seed, "tie").Draw(list, places)
		drawn := list[len(list)-places:]
		slices.Sort(drawn)
		return drawn
	case ShownLast:
		late := slices.Clone(tied)
		slices.SortStableFunc(late, func(a, b Votes) int { return cmp.Compare(b.Position, a.Position) })
		return samplesOf(late[:places])
	}
	return samplesOf(tied)
}

func samplesOf(votes []Votes) []uint64 {
	out := make([]uint64, len(votes))
	for i, v := range votes {
		out[i] = v.Sample
	}
	return out
}

// maxResamples bounds the memory of the bootstrap: 4096 samples take 1.6 GB.
const maxResamples = 100_000

// Inclusion is how surely a sample is among the top k.
type Inclusion struct {
	Sample      uint64
	Votes       int
	Low, High   float64 // 95 % percentile interval of its votes over people
	Probability float64 // of being chosen
}

// Bootstrap returns, for each sample with a vote, the probability that it is
// among the top k when the same number of people is drawn anew, with
// replacement, from those who answered (Efron's bootstrap over people, not
// over votes, because a person's picks depend on each other). Where a
// resample ends in a tie, [Expand] includes all tied, [ShownLast] those it
// prefers, and [SeededDraw] each with probability places/tied. Most probable
// first. The result is decided by the seed.
func (t *Tally) Bootstrap(k int, rule TieRule, resamples int, seed uint64) ([]Inclusion, error) {
	return t.bootstrap(context.Background(), k, rule, resamples, seed, nil)
}

func (t *Tally) bootstrap(ctx context.Context, k int, rule TieRule, resamples int, seed uint64, progress func(done, total int)) ([]Inclusion, error) {
	if _, err := t.Top(k, rule, seed); err != nil {
		return nil, fmt.Errorf("bootstrap: %w", err)
	}
	if resamples < 1 || resamples > maxResamples {
		return nil, fmt.Errorf("bootstrap of %d resamples", resamples)
	}
	voted := t.Voted()
	row := make(map[uint64]int, len(voted))
	for i, v := range voted {
		row[v.Sample] = i
	}
	var picked []int32 // rows, of one person after the other
	ends := make([]int32, len(t.ballots)+1)
	for i := range t.ballots {
		for _, s := range t.ballots[i].Picks {
			picked = append(picked, int32(row[s]))
		}
		ends[i+1] = int32(len(picked))
	}
	source := random.Named(seed, "bootstrap")
	chosen := make([]float64, len(voted))
	counts := make([][]int32, len(voted)) // counts[i]: i's votes in each resample
	for i := range counts {
		counts[i] = make([]int32, resamples)
	}
	votes := make([]int32, len(voted))
	lines := make([]Votes, 0, len(voted))
	for resample := range resamples {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("bootstrap: %w", err)
		}
		if progress != nil {
			progress(resample, resamples)
		}
		clear(votes)
		for range t.ballots {
			who := source.Below(len(t.ballots))
			for _, i := range picked[ends[who]:ends[who+1]] {
				votes[i]++
			}
		}
		lines = lines[:0]
		for i, n := range votes {
			counts[i][resample] = n
			if n > 0 {
				line := voted[i]
				line.Votes = int(n)
				lines = append(lines, line)
			}
		}
		slices.SortFunc(lines, func(a, b Votes) int {
			return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(a.Sample, b.Sample))
		})
		certain, tied := cut(lines, k)
		for _, v := range certain {
			chosen[row[v.Sample]]++
		}
		switch places := k - len(certain); {
		case len(tied) == 0:
		case rule == SeededDraw:
			for _, v := range tied {
				chosen[row[v.Sample]] += float64(places) / float64(len(tied))
			}
		default:
			for _, s := range resolve(tied, places, rule, 0) {
				chosen[row[s]]++
			}
		}
	}
	out := make([]Inclusion, len(voted))
	if progress != nil {
		progress(resamples, resamples)
	}
	for i, v := range voted {
		slices.Sort(counts[i])
		out[i] = Inclusion{
			Sample: v.Sample, Votes: v.Votes, Probability: chosen[i] / float64(resamples),
			Low: countQuantile(counts[i], 0.025), High: countQuantile(counts[i], 0.975),
		}
	}
	slices.SortStableFunc(out, func(a, b Inclusion) int { return cmp.Compare(b.Probability, a.Probability) })
	return out, nil
}

// countQuantile is the quantile p of sorted counts.
func countQuantile(sorted []int32, p float64) float64 {
	return bootstrap.QuantileOf(len(sorted), func(rank int) float64 { return float64(sorted[rank]) }, p)
}
