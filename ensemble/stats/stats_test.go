package stats_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/internal/golden"
)

// near compares to a relative 1e-10, what the two libraries' special
// functions agree to, and to an absolute 1e-12 at zero.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12+1e-10*math.Abs(want)) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}

func nearInterval(t *testing.T, what string, got stats.Interval, want [2]float64) {
	t.Helper()
	near(t, what+" low", got.Low, want[0])
	near(t, what+" high", got.High, want[1])
}

type proportion struct {
	K              int        `json:"k"`
	N              int        `json:"n"`
	P0             float64    `json:"p0"`
	TwoSided       float64    `json:"binom_two_sided_minlike"`
	Greater        float64    `json:"binom_greater"`
	Less           float64    `json:"binom_less"`
	Doubled        float64    `json:"two_sided_doubled"`
	Wilson         [2]float64 `json:"wilson"`
	ClopperPearson [2]float64 `json:"clopper_pearson"`
	MidP           float64    `json:"midp_two_sided"`
}

// Values of SciPy and statsmodels.
func TestProportionsGolden(t *testing.T) {
	var golden struct {
		Table1      proportion   `json:"table1_22_of_30"`
		Proportions []proportion `json:"proportions"`
	}
	readGolden(t, &golden)
	if len(golden.Proportions) < 10 {
		t.Fatalf("%d golden proportions", len(golden.Proportions))
	}
	for _, c := range append(golden.Proportions, golden.Table1) {
		t.Run(fmt.Sprintf("%d of %d", c.K, c.N), func(t *testing.T) {
			nearInterval(t, "Wilson", stats.Wilson(c.K, c.N, 0.95), c.Wilson)
			nearInterval(t, "Clopper–Pearson", stats.ClopperPearson(c.K, c.N, 0.95), c.ClopperPearson)
			b := stats.Binomial(c.K, c.N, c.P0)
			near(t, "two-sided", b.TwoSided, c.TwoSided)
			near(t, "greater", b.Greater, c.Greater)
			near(t, "less", b.Less, c.Less)
			near(t, "doubled", b.Doubled, c.Doubled)
			near(t, "mid-p", b.MidP, c.MidP)
		})
	}
}

// The paper's Table 1: 22 of 30. Numbers of SciPy 1.15 and statsmodels.
func TestTable1Proportion(t *testing.T) {
	if p := stats.Binomial(22, 30, 0.5).TwoSided; math.Abs(p-0.016124801710248) > 1e-14 {
		t.Errorf("p = %.15f", p)
	}
	if w := stats.Wilson(22, 30, 0.95); math.Abs(w.Low-0.555520383048) > 1e-12 || math.Abs(w.High-0.858173366804) > 1e-12 {
		t.Errorf("Wilson [%.12f, %.12f]", w.Low, w.High)
	}
}

func TestProportionsOfNothing(t *testing.T) {
	for name, interval := range map[string]func(k, n int, confidence float64) stats.Interval{
		"Wilson": stats.Wilson, "ClopperPearson": stats.ClopperPearson,
	} {
		if i := interval(0, 0, 0.95); i != (stats.Interval{Low: 0, High: 1}) {
			t.Errorf("%s of 0 of 0: %v", name, i)
		}
		for _, c := range []struct {
			k, n       int
			confidence float64
		}{{-1, 3, 0.95}, {4, 3, 0.95}, {1, 3, 1}, {1, 3, math.NaN()}} {
			if i := interval(c.k, c.n, c.confidence); !math.IsNaN(i.Low) || !math.IsNaN(i.High) {
				t.Errorf("%s of %v: %v", name, c, i)
			}
		}
	}
	if b := stats.Binomial(0, 0, 0.5); b.TwoSided != 1 {
		t.Errorf("test of 0 of 0: %+v", b)
	}
	if b := stats.Binomial(3, 2, 0.5); !math.IsNaN(b.TwoSided) {
		t.Errorf("test of 3 of 2: %+v", b)
	}
}

func TestAgreementGolden(t *testing.T) {
	type ratings struct {
		Raters                     [][]*float64 `json:"raters_x_units"`
		Nominal, Ordinal, Interval float64
	}
	var golden struct {
		Fleiss struct {
			Table [][]int
			Kappa float64
			Pi    []float64 `json:"P_i"`
			Pj    []float64 `json:"p_j"`
		}
		Fleiss2 struct {
			Table [][]int
			Kappa float64
		}
		Wikipedia ratings `json:"krippendorff_wikipedia"`
		Published ratings `json:"krippendorff_2011"`
		Votes     struct {
			Selections [][]uint64
			Fleiss     float64 `json:"fleiss_binary"`
		} `json:"votes_task2"`
	}
	readGolden(t, &golden)

	f, err := stats.Fleiss(golden.Fleiss.Table)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Fleiss", f.Kappa, golden.Fleiss.Kappa)
	for i, want := range golden.Fleiss.Pi {
		near(t, "P_i", f.Subjects[i], want)
	}
	for j, want := range golden.Fleiss.Pj {
		near(t, "p_j", f.Categories[j], want)
	}
	if f, err = stats.Fleiss(golden.Fleiss2.Table); err != nil {
		t.Fatal(err)
	}
	near(t, "Fleiss 2", f.Kappa, golden.Fleiss2.Kappa)

	for _, g := range []ratings{golden.Wikipedia, golden.Published} {
		rows := make([][]float64, len(g.Raters))
		for i, row := range g.Raters {
			for _, v := range row {
				if v == nil {
					rows[i] = append(rows[i], math.NaN())
				} else {
					rows[i] = append(rows[i], *v)
				}
			}
		}
		for scale, want := range map[stats.Scale]float64{
			stats.Nominal: g.Nominal, stats.Ordinal: g.Ordinal, stats.IntervalScale: g.Interval,
		} {
			got, err := stats.Krippendorff(rows, scale)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprintf("Krippendorff, scale %d", scale), got, want)
		}
	}
	table := make([][]int, 15)
	for i := range table {
		table[i] = []int{len(golden.Votes.Selections), 0}
	}
	for _, picks := range golden.Votes.Selections {
		for _, s := range picks {
			table[s][0]--
			table[s][1]++
		}
	}
	if f, err = stats.Fleiss(table); err != nil {
		t.Fatal(err)
	}
	near(t, "Fleiss of picks", f.Kappa, golden.Votes.Fleiss)
}

func TestAgreementErrors(t *testing.T) {
	for name, table := range map[string][][]int{
		"none": nil, "one rater": {{1, 0}}, "unequal": {{2, 0}, {1, 0}}, "ragged": {{1, 1}, {2}}, "one category": {{2, 0}, {2, 0}}, "negative": {{3, -1}},
	} {
		if _, err := stats.Fleiss(table); !errors.Is(err, stats.ErrRatings) {
			t.Errorf("Fleiss, %s: error %v", name, err)
		}
	}
	for name, rows := range map[string][][]float64{"none": nil, "ragged": {{1, 2}, {1}}, "one value": {{1, 1}, {1, 1}}} {
		if _, err := stats.Krippendorff(rows, stats.Nominal); !errors.Is(err, stats.ErrRatings) {
			t.Errorf("Krippendorff, %s: error %v", name, err)
		}
	}
}

func TestPairedGolden(t *testing.T) {
	var golden struct {
		Votes struct{ Counts []int } `json:"votes_task2"`
		Chi2  struct {
			Stat, P float64
			DF      int `json:"df"`
		} `json:"chi2_uniform_votes"`
		Wilcoxon struct {
			D    []float64
			P, W float64
		} `json:"wilcoxon_exact"`
		Bootstrap struct {
			Seed       uint64
			B          int
			Percentile [2]float64 `json:"pct_2.5_97.5_linear"`
		} `json:"bootstrap_22_of_30"`
	}
	readGolden(t, &golden)
	observed, expected := make([]float64, len(golden.Votes.Counts)), make([]float64, len(golden.Votes.Counts))
	var total float64
	for i, v := range golden.Votes.Counts {
		observed[i] = float64(v)
		total += float64(v)
	}
	for i := range expected {
		expected[i] = total / float64(len(expected))
	}
	chi := stats.PearsonChiSquare(observed, expected)
	near(t, "chi-squared", chi.Statistic, golden.Chi2.Stat)
	near(t, "chi-squared p", chi.P, golden.Chi2.P)
	if chi.Freedom != golden.Chi2.DF {
		t.Errorf("%d degrees of freedom", chi.Freedom)
	}
	w := stats.Wilcoxon(golden.Wilcoxon.D)
	near(t, "Wilcoxon W", w.Statistic, golden.Wilcoxon.W)
	near(t, "Wilcoxon p", w.P, golden.Wilcoxon.P)

	values := make([]float64, 30)
	for i := range 22 {
		values[i] = 1
	}
	b := stats.BootstrapMean(values, golden.Bootstrap.B, golden.Bootstrap.Seed, 0.95)
	nearInterval(t, "bootstrap percentiles", b, golden.Bootstrap.Percentile)
}

// With ties, by hand: sizes 1 1 2 have ranks 1½ 1½ 3; of 8 signings of them
// the sum of positives is ≤ 1½ in 3 (none; either of the first two).
func TestWilcoxonTies(t *testing.T) {
	w := stats.Wilcoxon([]float64{-1, 1, 0, 2})
	near(t, "Wilcoxon W", w.Statistic, 1.5)
	near(t, "Wilcoxon p", w.P, 0.75)
}

func ExampleWilson() {
	fmt.Printf("22 of 30: %v, p = %.4f\n", stats.Wilson(22, 30, 0.95), stats.Binomial(22, 30, 0.5).TwoSided)
	// Output: 22 of 30: [0.556, 0.858], p = 0.0161
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
