package ensemble_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

func count(t testing.TB, ballots ...ensemble.Ballot) *ensemble.Tally {
	t.Helper()
	tally, err := ensemble.Count("t", ballots)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// tied is 3 votes for 0, two each for 1, 2 and 4, one for 5, none for 3.
func tied() []ensemble.Ballot {
	return []ensemble.Ballot{
		vote("a", 6, "5", 0, 1), vote("b", 6, "5", 0, 2), vote("c", 6, "6", 0, 4),
		vote("d", 6, "5", 4, 1), vote("e", 6, "6", 2, 5), vote("f", 6, ""),
	}
}

func TestTop(t *testing.T) {
	tally := count(t, tied()...)
	if tally.Ballots != 6 || tally.None != 1 || tally.Picks != 10 || tally.Of(4).Votes != 2 || math.Abs(tally.Of(4).Position-0.8) > 1e-9 {
		t.Errorf("tally %+v", tally)
	}
	for _, c := range []struct {
		k            int
		rule         ensemble.TieRule
		chosen       []uint64
		tied         []uint64
		places, ways int
		cutVotes     int
	}{
		{1, ensemble.Expand, []uint64{0}, nil, 0, 1, 3},
		{2, ensemble.Expand, []uint64{0, 1, 2, 4}, []uint64{1, 2, 4}, 1, 3, 2},
		{3, ensemble.Expand, []uint64{0, 1, 2, 4}, []uint64{1, 2, 4}, 2, 3, 2},
		{3, ensemble.ShownLast, []uint64{0, 4, 2}, []uint64{1, 2, 4}, 2, 3, 2},
		{4, ensemble.Expand, []uint64{0, 1, 2, 4}, nil, 0, 1, 2},
		{6, ensemble.SeededDraw, []uint64{0, 1, 2, 4, 5}, nil, 0, 1, 1}, // 3 has no vote
	} {
		got, err := tally.Top(c.k, c.rule, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Chosen, c.chosen) || !slices.Equal(got.Tied, c.tied) || got.Places != c.places ||
			got.Resolutions().Int64() != int64(c.ways) || got.Cut != c.cutVotes {
			t.Errorf("top %d, %s: got %+v, want %+v", c.k, c.rule, got, c)
		}
	}
}

// A seeded draw is repeatable and, over seeds, fair.
func TestSeededDraw(t *testing.T) {
	tally := count(t, tied()...)
	drawn := map[uint64]int{}
	for seed := range uint64(3000) {
		got, err := tally.Top(3, ensemble.SeededDraw, seed)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := tally.Top(3, ensemble.SeededDraw, seed)
		if len(got.Chosen) != 3 || got.Chosen[0] != 0 || !slices.Equal(got.Chosen, again.Chosen) {
			t.Fatalf("seed %d: %v, then %v", seed, got.Chosen, again.Chosen)
		}
		for _, s := range got.Chosen[1:] {
			drawn[s]++
		}
	}
	for _, s := range []uint64{1, 2, 4} { // 2000 ± 5 standard deviations of 26
		if n := drawn[s]; n < 1870 || n > 2130 {
			t.Errorf("sample %d drawn %d times of 3000, want about 2000", s, n)
		}
	}
}

func TestTallyErrors(t *testing.T) {
	if _, err := ensemble.Count("x", tied()); !errors.Is(err, ensemble.ErrNoVotes) {
		t.Errorf("no ballots: error %v", err)
	}
	if _, err := ensemble.Count("t", append(tied(), vote("a", 6, "5", 3))); !errors.Is(err, ensemble.ErrTwice) {
		t.Errorf("two ballots: error %v", err)
	}
	if _, err := count(t, vote("a", 3, "")).Top(2, ensemble.Expand, 0); !errors.Is(err, ensemble.ErrNoVotes) {
		t.Errorf("no picks: error %v", err)
	}
	if _, err := count(t, tied()...).Top(2, "coin", 0); err == nil {
		t.Error("a tie rule that does not exist is taken")
	}
}

// Counts and cut of golden/metrics/stats.json, votes_task2.
func TestTallyGolden(t *testing.T) {
	var golden struct {
		Votes struct {
			Selections [][]uint64 `json:"selections"`
			Counts     []int      `json:"counts"`
			TieAtCut3  bool       `json:"tie_at_cut_3"`
		} `json:"votes_task2"`
	}
	readGolden(t, &golden)
	var ballots []ensemble.Ballot
	for i, picks := range golden.Votes.Selections {
		ballots = append(ballots, vote(fmt.Sprint(i), 15, "", picks...))
	}
	p := ensemble.Task2()
	for i := range ballots {
		if err := p.Validate(&ballots[i]); err != nil {
			t.Fatal(err)
		}
	}
	tally := count(t, ballots...)
	for i, want := range golden.Votes.Counts {
		if got := tally.Of(uint64(i)).Votes; got != want {
			t.Errorf("sample %d: %d votes, want %d", i, got, want)
		}
	}
	got, err := tally.Top(3, ensemble.Expand, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Eight votes each for 2 and 3, seven each for 0 and 1.
	if got.Decided() == golden.Votes.TieAtCut3 || !slices.Equal(got.Certain, []uint64{2, 3}) || !slices.Equal(got.Tied, []uint64{0, 1}) {
		t.Errorf("cut at 3: %+v", got)
	}
}

func readGolden(t testing.TB, v any) {
	t.Helper()
	data, err := os.ReadFile(golden.Path(t, "metrics", "stats.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// Two people who each pick one sample: by hand, top 1 is {a} in the quarter
// of resamples with a twice, {b} in a quarter, and a tie in half.
func TestBootstrap(t *testing.T) {
	tally := count(t, vote("p", 2, "5", 0), vote("q", 2, "5", 1))
	for rule, want := range map[ensemble.TieRule][2]float64{
		ensemble.Expand:     {0.75, 0.75},
		ensemble.SeededDraw: {0.5, 0.5},
		ensemble.ShownLast:  {0.25, 0.75},
	} {
		got, err := tally.Bootstrap(1, rule, 10000, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range got {
			if math.Abs(in.Probability-want[in.Sample]) > 0.02 { // 4 standard deviations
				t.Errorf("%s: sample %d included with %.3f, want %.2f", rule, in.Sample, in.Probability, want[in.Sample])
			}
			if in.Low != 0 || in.High != 2 {
				t.Errorf("%s: votes in [%g, %g], want [0, 2]", rule, in.Low, in.High)
			}
		}
		again, _ := tally.Bootstrap(1, rule, 10000, 3)
		if !reflect.DeepEqual(got, again) {
			t.Errorf("%s: a seed gives two results", rule)
		}
	}
}

// The range equals that of all resolutions, enumerated.
func TestPixelRange(t *testing.T) {
	space := make([]*picture.Image, 6)
	for i := range space {
		space[i] = picture.NewImage(4, 3)
		srspace.Noise(space[i].Pix, uint64(i), 0) // clamped to [0,1] where it is seen
	}
	image := func(s uint64) (*picture.Image, error) { return space[s], nil }
	selection, err := count(t, tied()...).Top(3, ensemble.Expand, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := selection.PixelRange(image)
	if err != nil {
		t.Fatal(err)
	}
	var low, high []float32
	for _, pair := range [][2]int{{1, 2}, {1, 4}, {2, 4}} {
		m, err := ensemble.Mean([]*picture.Image{space[0], space[pair[0]], space[pair[1]]})
		if err != nil {
			t.Fatal(err)
		}
		if low == nil {
			low, high = slices.Clone(m.Pix), slices.Clone(m.Pix)
		}
		for j, v := range m.Pix {
			low[j], high[j] = min(low[j], v), max(high[j], v)
		}
	}
	if !slices.Equal(got.Low.Pix, low) || !slices.Equal(got.High.Pix, high) {
		t.Errorf("range %v … %v, want %v … %v", got.Low.Pix, got.High.Pix, low, high)
	}
	var widest float64
	for j := range low {
		widest = max(widest, float64(high[j])-float64(low[j]))
	}
	if math.Abs(got.Max-widest) > 1e-6 || got.Mean <= 0 || got.Mean > got.Max || got.Open <= 0 {
		t.Errorf("range %+v, want a maximum of %g", got, widest)
	}

	decided, _ := count(t, tied()...).Top(4, ensemble.Expand, 0)
	if got, err := decided.PixelRange(image); err != nil || got.Max != 0 || got.Open != 0 {
		t.Errorf("no tie: range %+v, %v", got, err)
	}
}

func TestOrder(t *testing.T) {
	a := ensemble.Order(1, "a", "t", seeds(324))
	if !slices.Equal(a, ensemble.Order(1, "a", "t", seeds(324))) {
		t.Error("one participant gets two orders")
	}
	for _, other := range [][]uint64{ensemble.Order(1, "b", "t", seeds(324)), ensemble.Order(2, "a", "t", seeds(324)), ensemble.Order(1, "at", "", seeds(324))} {
		if slices.Equal(a, other) {
			t.Error("another participant, seed or trial gets the same order")
		}
	}
	slices.Sort(a)
	if !slices.Equal(a, seeds(324)) {
		t.Error("an order is no permutation")
	}
	// Every order of three samples is equally likely.
	seen := map[string]int{}
	for i := range 6000 {
		seen[fmt.Sprint(ensemble.Order(uint64(i), "a", "t", seeds(3)))]++
	}
	for order, n := range seen { // 1000 ± 5 standard deviations of 29
		if n < 855 || n > 1145 || len(seen) != 6 {
			t.Errorf("order %s came %d times of 6000", order, n)
		}
	}
}

// How often a tie decides the cut where 30 people pick by lot. The numbers are
// of 20,000 studies of each kind simulated with CPython's random.sample.
func TestTiesDecide(t *testing.T) {
	for _, c := range []struct {
		samples, picks, k int
		want              float64
	}{{324, 2, 5, 0.790}, {100, 5, 5, 0.807}, {15, 3, 3, 0.514}} {
		const studies = 600
		decided := 0
		for seed := range uint64(studies) {
			var ballots []ensemble.Ballot
			for i := range 30 {
				b := vote(fmt.Sprint(i), c.samples, "", 0)
				b.Picks = ensemble.Order(seed, b.Participant, "by lot", b.Shown)[:c.picks]
				ballots = append(ballots, b)
			}
			top, err := count(t, ballots...).Top(c.k, ensemble.Expand, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !top.Decided() {
				decided++
			}
		}
		// Four standard deviations, at most 0.021 each.
		if got := float64(decided) / studies; math.Abs(got-c.want) > 0.083 {
			t.Errorf("%d of %d, top %d: a tie decides %.3f of studies, want about %.3f", c.picks, c.samples, c.k, got, c.want)
		} else {
			t.Logf("%d of %d, top %d: %.3f", c.picks, c.samples, c.k, got)
		}
	}
}

func ExampleTally_Top() {
	tally, err := ensemble.Count("t", tied())
	if err != nil {
		fmt.Println(err)
		return
	}
	top, err := tally.Top(3, ensemble.ShownLast, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(top.Chosen, "of", top.Resolutions(), "ways to choose", top.K)
	// Output: [0 4 2] of 3 ways to choose 3
}
