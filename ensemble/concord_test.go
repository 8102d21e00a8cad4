package ensemble_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/stats"
)

func TestPickAgreement(t *testing.T) {
	var golden struct {
		Votes struct {
			Selections [][]uint64
			Alpha      float64 `json:"krippendorff_nominal_binary"`
		} `json:"votes_task2"`
	}
	readGolden(t, &golden)
	var ballots []ensemble.Ballot
	for i, picks := range golden.Votes.Selections {
		ballots = append(ballots, vote(fmt.Sprint(i), 15, "", picks...))
	}
	alpha, err := ensemble.PickAgreement(count(t, ballots...))
	if err != nil || math.Abs(alpha-golden.Votes.Alpha) > 1e-10 {
		t.Errorf("alpha of picks %v, want %v; error %v", alpha, golden.Votes.Alpha, err)
	}
}

func TestReadingAgreement(t *testing.T) {
	read := func(trial string, readings ...string) (out []ensemble.Ballot) {
		for i, r := range readings {
			b := vote(fmt.Sprint(i), 3, r, 1)
			b.Trial = trial
			out = append(out, b)
		}
		return out
	}
	got, err := ensemble.ReadingAgreement(append(read("a", "5", "5", "", "5"), read("b", "6", "6", "6", "")...))
	if err != nil || got != 1 {
		t.Errorf("all agree: alpha %v, %v", got, err)
	}
	// By hand: pairs (5,6) alone in one unit; D_o = D_e·(n-1)/…: alpha = 1-(2-1)·2/2 = 0.
	if got, err = ensemble.ReadingAgreement(read("a", "5", "6")); err != nil || got != 0 {
		t.Errorf("two who disagree: alpha %v, %v", got, err)
	}
	if _, err = ensemble.ReadingAgreement(read("a", "5", "5")); !errors.Is(err, stats.ErrRatings) {
		t.Errorf("one value only: error %v", err)
	}
}
