package ensemble_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// looks is n samples of which every third reads "6", the others "5", the
// higher the seed the clearer.
func looks(n int) map[uint64]ensemble.Appearance {
	out := make(map[uint64]ensemble.Appearance)
	for i := range n {
		clear := 0.55 + 0.4*float64(i)/float64(n)
		a := ensemble.Appearance{Readings: map[string]float64{"5": clear, "6": 1 - clear}, Quality: 0}
		if i%3 == 2 {
			a.Readings = map[string]float64{"6": clear, "5": 1 - clear}
		}
		out[uint64(i)] = a
	}
	return out
}

// Every behaviour obeys every protocol and is repeatable.
func TestSimulate(t *testing.T) {
	for _, p := range []ensemble.Protocol{ensemble.Task1(), ensemble.Task2(), ensemble.Method()} {
		var trials []ensemble.SimulatedTrial
		for i := range max(2, p.Trials) {
			trials = append(trials, ensemble.SimulatedTrial{Name: fmt.Sprint("image ", i), Samples: looks(p.Samples)})
		}
		var people []ensemble.SimulatedParticipant
		for _, b := range ensemble.Behaviours {
			people = append(people, ensemble.SimulatedPanel(3, b, 1)...)
		}
		ballots, err := ensemble.Simulate(&p, trials, people, 5, noon)
		if err != nil {
			t.Fatal(err)
		}
		if len(ballots) != len(trials)*len(people) {
			t.Fatalf("%s: %d ballots", p.Name, len(ballots))
		}
		if err := p.ValidateAll(ballots); err != nil {
			t.Error(err)
		}
		again, _ := ensemble.Simulate(&p, trials, people, 5, noon)
		if !reflect.DeepEqual(ballots, again) {
			t.Errorf("%s: the same seed gives other ballots", p.Name)
		}
		for i := range people {
			people[i].Seed = 2
		}
		if other, _ := ensemble.Simulate(&p, trials, people, 5, noon); reflect.DeepEqual(ballots, other) {
			t.Errorf("%s: another seed gives the same ballots", p.Name)
		}
	}
}

// Each behaviour does what its name says, measured on 200 of a kind.
func TestBehaviours(t *testing.T) {
	p := ensemble.Task1()
	trials := []ensemble.SimulatedTrial{{Name: "a", Samples: looks(324)}, {Name: "b", Samples: looks(324)}}
	measure := func(behaviour ensemble.Behaviour) (early, clear, fast, fives float64, conducts []ensemble.Conduct) {
		ballots, err := ensemble.Simulate(&p, trials, ensemble.SimulatedPanel(200, behaviour, 3), 5, noon)
		if err != nil {
			t.Fatal(err)
		}
		n := float64(len(ballots))
		for _, b := range ballots {
			if slices.Index(b.Shown, b.Picks[0]) < 81 { // a quarter of the page
				early += 1 / n
			}
			if b.Picks[0] >= 243 { // the clearest quarter
				clear += 1 / n
			}
			if d, _ := b.Duration(); d < 3*time.Second {
				fast += 1 / n
			}
			if b.Reading == "5" {
				fives += 1 / n
			}
		}
		conducts, err = ensemble.Screen(ballots, ensemble.Screening{})
		if err != nil {
			t.Fatal(err)
		}
		return early, clear, fast, fives, conducts
	}
	type shares struct{ low, high float64 }
	quarter, all, none, half := shares{0.18, 0.32}, shares{0.9, 1.001}, shares{0, 0.1}, shares{0.4, 0.6}
	for behaviour, want := range map[ensemble.Behaviour][4]shares{
		ensemble.Uniform:        {quarter, quarter, none, half},
		ensemble.Expert:         {quarter, {0.8, 1.001}, none, {0.75, 1.001}},
		ensemble.PositionBiased: {{0.85, 1.001}, quarter, none, {0.55, 0.75}},
		ensemble.Sleeper:        {quarter, {0.5, 0.75}, half, {0.6, 0.85}},
		ensemble.StraightLiner:  {all, quarter, all, all},
	} {
		early, clear, fast, fives, conducts := measure(behaviour)
		for i, got := range []float64{early, clear, fast, fives} {
			if got < want[i].low || got > want[i].high {
				t.Errorf("%s: %s in %.2f of ballots, want %v", behaviour, []string{"early picks", "clear picks", "fast", "“5”"}[i], got, want[i])
			}
		}
		var same float64
		for _, c := range conducts {
			same += c.SamePositions / float64(len(conducts))
		}
		if (behaviour == ensemble.StraightLiner) != (same > 0.5) {
			t.Errorf("%s: same positions in %.2f of trials", behaviour, same)
		}
	}
}

// Where nothing is to be read, and nothing needs to be, nobody reads anything;
// experts go by quality.
func TestSimulateWithoutReadings(t *testing.T) {
	p := ensemble.Method()
	samples := make(map[uint64]ensemble.Appearance)
	for i := range uint64(20) {
		samples[i] = ensemble.Appearance{Quality: float64(i) / 20}
	}
	for _, behaviour := range ensemble.Behaviours {
		ballots, err := ensemble.Simulate(&p, []ensemble.SimulatedTrial{{Name: "a", Samples: samples}}, ensemble.SimulatedPanel(20, behaviour, 1), 1, noon)
		if err != nil {
			t.Fatal(err)
		}
		best := 0
		for _, b := range ballots {
			if b.Reading != "" {
				t.Errorf("%s read %q", behaviour, b.Reading)
			}
			if slices.Contains(b.Picks, 19) {
				best++
			}
		}
		if behaviour == ensemble.Expert && best < 16 {
			t.Errorf("%d of 20 experts picked the best", best)
		}
	}
}

func TestSimulateErrors(t *testing.T) {
	p := ensemble.Method()
	trials := []ensemble.SimulatedTrial{{Name: "a", Samples: looks(20)}}
	if _, err := ensemble.Simulate(&p, trials, ensemble.SimulatedPanel(1, "cat", 1), 1, noon); !errors.Is(err, ensemble.ErrBehaviour) {
		t.Errorf("a cat: error %v", err)
	}
	one := ensemble.SimulatedPanel(1, ensemble.Expert, 1)
	if _, err := one[0].Answer(&p, "a", []uint64{3, 99}, looks(20), noon); !errors.Is(err, ensemble.ErrBallot) {
		t.Errorf("an unknown sample: error %v", err)
	}
	if _, err := ensemble.Simulate(&p, trials, append(one, one...), 1, noon); !errors.Is(err, ensemble.ErrTwice) {
		t.Errorf("one name twice: error %v", err)
	}
	digits := ensemble.Task1()
	digits.Samples = 20
	trials[0].Samples[3] = ensemble.Appearance{Readings: map[string]float64{"AB": 9}}
	if _, err := ensemble.Simulate(&digits, trials, ensemble.SimulatedPanel(9, ensemble.Uniform, 1), 1, noon); !errors.Is(err, ensemble.ErrBallot) {
		t.Errorf("no digit: error %v", err)
	}
}
