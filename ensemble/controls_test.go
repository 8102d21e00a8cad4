package ensemble_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// brightness prefers bright images.
func brightness(m *picture.Image) (float64, error) {
	var sum float64
	for _, v := range m.Pix {
		sum += float64(v)
	}
	return sum / float64(len(m.Pix)), nil
}

// greys are one-pixel samples of rising brightness i·step/255.
func greys(n, step int) []srspace.Sample {
	var out []srspace.Sample
	for i := range n {
		v := float32(i*step) / 255
		out = append(out, srspace.Sample{Seed: uint64(i), Image: pixel(v, v, v)})
	}
	return out
}

var bright = ensemble.Metric{Name: "brightness", Score: brightness}
var dark = ensemble.Metric{Name: "darkness", LowerIsBetter: true, Score: brightness}

// All 10 pairs of five greys: {3, 4} is the brightest, {0, 2} and others are
// placed by hand.
func TestControlsExhaustive(t *testing.T) {
	for _, c := range []struct {
		chosen         []uint64
		bright, dark   float64 // percentiles
		brightP, darkP float64
	}{
		{[]uint64{3, 4}, 95, 5, 0.1, 1},
		{[]uint64{0, 1}, 5, 95, 1, 0.1},
		// Sums of pairs: 1 2 3 3 4 4 5 5 6 7; {0, 3} has 3: 2 worse, 2 equal.
		{[]uint64{3, 0}, 30, 70, 0.8, 0.4},
	} {
		got, err := ensemble.NewControls(t.Context(), greys(5, 50), c.chosen, []ensemble.Metric{bright, dark}, ensemble.ControlOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Exhaustive || len(got.Random) != 10 {
			t.Fatalf("%d ensembles, exhaustive %v", len(got.Random), got.Exhaustive)
		}
		near(t, "brightness percentile", got.Standing[0].Percentile, c.bright)
		near(t, "darkness percentile", got.Standing[1].Percentile, c.dark)
		near(t, "brightness p", got.Standing[0].P, c.brightP)
		near(t, "darkness p", got.Standing[1].P, c.darkP)
		if !slices.Equal(got.Best[0].Samples, []uint64{4, 3}) || !slices.Equal(got.Best[1].Samples, []uint64{0, 1}) {
			t.Errorf("best %v", got.Best)
		}
		// Summed distances 10 7 6 7 10 steps.
		if !slices.Equal(got.Medoid.Samples, []uint64{2, 1}) || len(got.All.Samples) != 5 {
			t.Errorf("medoid %v, all %v", got.Medoid.Samples, got.All.Samples)
		}
		near(t, "all", math.Round(got.All.Scores[0]*255), 100)
	}
}

func TestControlsRandom(t *testing.T) {
	samples := greys(50, 5)
	last := 0
	options := ensemble.ControlOptions{Random: 400, Seed: 7, Progress: func(done, total int) {
		if done != last+1 || done > total {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
		if done == total {
			last = -1
		}
	}}
	run := func(o ensemble.ControlOptions) *ensemble.Controls {
		got, err := ensemble.NewControls(t.Context(), samples, []uint64{49, 48, 47, 46, 45}, []ensemble.Metric{bright}, o)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := run(options)
	if last != -1 {
		t.Errorf("progress ended at %d", last)
	}
	if got.Exhaustive || len(got.Random) != 400 || got.Standing[0].Percentile != 100 || got.Standing[0].P != 1./401 || got.Standing[0].Interval.Low < 98 {
		t.Errorf("standing %+v of %d", got.Standing, len(got.Random))
	}
	var mean float64
	for _, s := range got.Random {
		mean += s[0] / 400
	}
	// A sample's mean is 24.5·5/255 = 0.480 with deviation 14.4·5/255; of 5
	// and of 400 draws: 0.0063. Five of them.
	if math.Abs(mean-0.480) > 0.032 {
		t.Errorf("random ensembles have the mean %.3f, want about 0.480", mean)
	}
	if mean := run(ensemble.ControlOptions{Random: 400, Seed: 7, Combine: ensemble.Mean}); !reflect.DeepEqual(mean.Random, got.Random) {
		t.Error("naming the mean changes the scores")
	}
	if median := run(ensemble.ControlOptions{Random: 400, Seed: 7, Combine: ensemble.Median}); reflect.DeepEqual(median.Random, got.Random) {
		t.Error("the median has the scores of the mean")
	}
	if again := run(ensemble.ControlOptions{Random: 400, Seed: 7, Workers: 1}); !reflect.DeepEqual(again.Random, got.Random) {
		t.Error("the number of workers changes the draws")
	}
	if other := run(ensemble.ControlOptions{Random: 400, Seed: 8}); reflect.DeepEqual(other.Random, got.Random) {
		t.Error("two seeds give the same draws")
	}
}

func TestControlsErrors(t *testing.T) {
	samples := greys(5, 50)
	bad := errors.New("bad")
	for name, c := range map[string]struct {
		samples []srspace.Sample
		chosen  []uint64
		metric  ensemble.Metric
		want    error
	}{
		"absent":    {samples, []uint64{9}, bright, ensemble.ErrSample},
		"twice":     {samples, []uint64{1, 1}, bright, ensemble.ErrSample},
		"doubled":   {append(greys(5, 1), samples[0]), []uint64{1}, bright, ensemble.ErrSample},
		"none":      {samples, nil, bright, ensemble.ErrEmpty},
		"nothing":   {nil, nil, bright, ensemble.ErrEmpty},
		"two sizes": {append(greys(1, 1), srspace.Sample{Seed: 8, Image: picture.NewImage(2, 2)}), []uint64{0}, bright, ensemble.ErrSize},
		"failing":   {samples, []uint64{1}, ensemble.Metric{Name: "m", Score: func(*picture.Image) (float64, error) { return 0, bad }}, bad},
	} {
		if _, err := ensemble.NewControls(t.Context(), c.samples, c.chosen, []ensemble.Metric{c.metric}, ensemble.ControlOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	nan := ensemble.Metric{Name: "m", Score: func(*picture.Image) (float64, error) { return math.NaN(), nil }}
	if _, err := ensemble.NewControls(t.Context(), samples, []uint64{1}, []ensemble.Metric{nan}, ensemble.ControlOptions{}); err == nil {
		t.Error("NaN is taken for a score")
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := ensemble.NewControls(ctx, greys(50, 5), []uint64{1, 2, 3}, []ensemble.Metric{bright},
		ensemble.ControlOptions{Progress: func(done, total int) {
			if done == 70 {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func ExampleNewControls() {
	c, err := ensemble.NewControls(context.Background(), greys(5, 50), []uint64{3, 4}, []ensemble.Metric{bright}, ensemble.ControlOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("brighter than %.0f %% of %d pairs\n", c.Standing[0].Percentile, len(c.Random))
	// Output: brighter than 95 % of 10 pairs
}

// near compares to a relative 1e-10 and to an absolute 1e-12 at zero.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12+1e-10*math.Abs(want)) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}
