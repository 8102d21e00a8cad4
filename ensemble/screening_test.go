package ensemble_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
)

// By hand: of samples 0…3 the two others gave 0 two votes and 1 and 2 one
// each; picking {0, 1} has 3 votes; two at random have 2·4/4 = 2 with
// variance 2·½·(4-2)/(4-1) = ⅔.
func TestAgreementWithTheRest(t *testing.T) {
	ballots := []ensemble.Ballot{
		vote("p", 4, "5", 0, 1), vote("q", 4, "5", 0, 1), vote("r", 4, "5", 0, 2),
		vote("lonely", 4, "6", 3), // agrees with nobody who read "6": not judged
	}
	got, err := ensemble.Screen(ballots, ensemble.Screening{MinAgreement: new(float64)})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "agreement", got[0].Agreement, 1/math.Sqrt(2./3))
	if !math.IsNaN(got[3].Agreement) || len(got[3].Reasons) != 0 || got[3].SameReading != 0 || got[0].SameReading != 1 {
		t.Errorf("who reads otherwise: %+v", got[3])
	}
}

func TestScreen(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var ballots []ensemble.Ballot
	cast := func(who, trial, reading string, seconds int, picks ...uint64) {
		b := vote(who, 8, reading, picks...)
		b.Trial, b.Began, b.Cast = trial, began, began.Add(time.Duration(seconds)*time.Second)
		ballots = append(ballots, b)
	}
	for _, who := range []string{"a", "b", "c"} {
		cast(who, "1", "5", 20, 2, 3)
		cast(who, "2", "5", 30, 4, 5)
		cast(who, "gold", "8", 25, 7)
	}
	cast("fast", "1", "5", 1, 2, 3)
	cast("fast", "2", "5", 2, 4, 5)
	cast("fast", "gold", "8", 1, 7)
	cast("blind", "1", "5", 20, 2, 3)
	cast("blind", "2", "5", 20, 4, 5)
	cast("blind", "gold", "3", 20, 7)
	cast("line", "1", "5", 20, 0, 1)
	cast("line", "2", "5", 20, 1, 0)
	cast("line", "gold", "8", 20, 7)
	rules := ensemble.Screening{
		Golden: map[string]ensemble.Golden{"gold": {Reading: "8", Picks: []uint64{6, 7}}}, MinGolden: 1,
		MinTime: 3 * time.Second, MinAgreement: new(float64), MaxSamePositions: 0.5,
	}
	conducts, err := ensemble.Screen(ballots, rules)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{nil, nil, nil, {"median time 1s under 3s"}, {"0 of 1 golden trials passed"}, {"agreement", "same positions in 67 %"}} {
		c := conducts[i]
		if len(c.Reasons) != len(want) {
			t.Errorf("%s is set apart for %q, want %q", c.Participant, c.Reasons, want)
			continue
		}
		for j := range want {
			if !strings.HasPrefix(c.Reasons[j], want[j]) {
				t.Errorf("%s is set apart for %q, want %q", c.Participant, c.Reasons, want)
			}
		}
	}
	kept, apart := ensemble.Split(ballots, conducts)
	if !slices.Equal(ensemble.Participants(kept), []string{"a", "b", "c"}) || !slices.Equal(ensemble.Participants(apart), []string{"fast", "blind", "line"}) {
		t.Errorf("kept %v, apart %v", ensemble.Participants(kept), ensemble.Participants(apart))
	}
	lenient, err := ensemble.Screen(ballots, ensemble.Screening{})
	if err != nil {
		t.Fatal(err)
	}
	if _, apart := ensemble.Split(ballots, lenient); len(apart) != 0 {
		t.Errorf("no rules set apart %v", ensemble.Participants(apart))
	}
	if table := ensemble.ScreeningMarkdown(conducts); strings.Count(table, "\n") != 8 || !strings.Contains(table, "| blind | 3 | 0 of 1 | 20s |") {
		t.Errorf("table:\n%s", table)
	}
	if _, err := ensemble.Screen(append(ballots, ballots[0]), rules); !errors.Is(err, ensemble.ErrTwice) {
		t.Errorf("twice: error %v", err)
	}
}

// By hand: eight picks of eight samples in quarters 5 1 1 1, two expected in
// each: (9+1+1+1)/2 = 6.
func TestPositionBias(t *testing.T) {
	var ballots []ensemble.Ballot
	for i, pick := range []uint64{0, 1, 0, 1, 0, 2, 4, 6} {
		ballots = append(ballots, vote(fmt.Sprint(i), 8, "", pick))
	}
	got := ensemble.PositionBias(count(t, ballots...))
	near(t, "statistic", got.Statistic, 6)
	if got.Freedom != 3 || math.Abs(got.P-0.1116) > 1e-4 { // tables of chi-squared
		t.Errorf("got %+v", got)
	}
	if got := ensemble.PositionBias(count(t, vote("a", 8, ""))); !math.IsNaN(got.P) {
		t.Errorf("without picks: %+v", got)
	}

	// Simulated panels: the biased one shows, experts do not.
	p := ensemble.Task1()
	for behaviour, biased := range map[ensemble.Behaviour]bool{ensemble.Expert: false, ensemble.Uniform: false, ensemble.PositionBiased: true} {
		ballots, err := ensemble.Simulate(&p, []ensemble.SimulatedTrial{{Name: "t", Samples: looks(324)}}, ensemble.SimulatedPanel(30, behaviour, 1), 1, noon)
		if err != nil {
			t.Fatal(err)
		}
		if got := ensemble.PositionBias(count(t, ballots...)); (got.P < 0.01) != biased {
			t.Errorf("%s: p = %g", behaviour, got.P)
		}
	}
}
