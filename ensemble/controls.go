package ensemble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/internal/bootstrap"
	"github.com/trustsr/trustsr/internal/parallel"
	"github.com/trustsr/trustsr/internal/random"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"gonum.org/v1/gonum/stat/combin"
)

// ErrSample is what errors about samples that a space does not have, or has
// twice, wrap.
var ErrSample = errors.New("no such sample")

// Metric scores an ensemble. Score is called from several goroutines at once.
type Metric struct {
	Name          string // with its convention, e.g. "psnr/rgb/crop0"
	LowerIsBetter bool
	Score         func(*picture.Image) (float64, error)
}

// better compares two scores: positive when a is the better one.
func (m *Metric) better(a, b float64) int {
	if m.LowerIsBetter {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// ControlOptions says how control ensembles are made; the zero value makes
// what is documented.
type ControlOptions struct {
	Random   int                                                   // random ensembles; 0 for 1000
	Seed     uint64                                                // decides the draws
	Combine  func(images []*picture.Image) (*picture.Image, error) // nil for [Mean]
	Workers  int                                                   // 0 for all cores
	Progress func(done, total int)                                 // one call at a time; may be nil
}

// Control is one ensemble and its scores, one a metric.
type Control struct {
	Name    string
	Samples []uint64
	Scores  []float64
}

// Controls are what can be made of the same samples without people, beside
// what people chose. Averaging any 3 samples of a posterior gains 1.8 dB over
// one of them (its mean squared error is 1 + 1/k times the least), which is
// the gain of the paper's Table 2; so a score of a chosen ensemble says
// nothing about the choice until it stands among those of random ones.
type Controls struct {
	Metrics []Metric
	Human   Control   // the chosen samples
	Medoid  Control   // the k samples with the least summed distance to all
	All     Control   // every sample
	Best    []Control // for each metric, the k samples that are best by it alone

	// Random are the scores of ensembles of k random samples, [draw][metric]:
	// the cloud to draw in the plane. Exhaustive says that they are all
	// ensembles of k there are, each once, which then are no more than asked
	// for.
	Random     [][]float64
	Exhaustive bool

	// Standing is where Human falls among Random, one a metric.
	Standing []Standing
}

// Standing is the place of one score among those of random ensembles.
type Standing struct {
	// Percentile, 0 to 100, is the share of random ensembles with a worse
	// score plus half of those with an equal one: 50 is what choosing by lot
	// gives.
	Percentile float64

	// Interval is the 95 % Wilson interval of Percentile for the finite
	// number of draws, both ends at Percentile where they are exhaustive.
	Interval stats.Interval

	// P is the probability that an ensemble chosen by lot is as good or
	// better: (1 + number as good) / (1 + draws), or the plain share where
	// they are exhaustive.
	P float64
}

// String returns the percentile with its interval, which is left out where it
// is a point.
func (s Standing) String() string {
	if s.Interval.Low == s.Interval.High {
		return fmt.Sprintf("%.1f", s.Percentile)
	}
	return fmt.Sprintf("%.1f (%.1f–%.1f)", s.Percentile, s.Interval.Low, s.Interval.High)
}

// NewControls scores the chosen samples against random ensembles of as many,
// the best by each metric, the medoids, and all samples. Cancelling ctx ends
// it with ctx's error. It fails, wrapping [ErrSample], when a chosen sample is
// not among samples or anything is there twice, and when a metric fails or
// gives NaN.
func NewControls(ctx context.Context, samples []srspace.Sample, chosen []uint64, metrics []Metric, o ControlOptions) (*Controls, error) {
	if o.Random == 0 {
		o.Random = 1000
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	pool := &controlPool{samples: samples, metrics: metrics, combine: o.Combine, row: make(map[uint64]int, len(samples))}
	all := make([]*picture.Image, len(samples))
	for i, s := range samples {
		if _, twice := pool.row[s.Seed]; twice {
			return nil, fmt.Errorf("controls: sample %d is there twice: %w", s.Seed, ErrSample)
		}
		pool.row[s.Seed], all[i] = i, s.Image
	}
	if err := sameSize(all); err != nil {
		return nil, fmt.Errorf("controls: %w", err)
	}
	seen := make([][]byte, len(all))
	for i, m := range all {
		seen[i] = m.Bytes()
	}
	pool.seen = seen
	k, n := len(chosen), len(samples)
	for i, s := range chosen {
		if _, there := pool.row[s]; !there || slices.Contains(chosen[:i], s) {
			return nil, fmt.Errorf("controls: chosen sample %d: %w", s, ErrSample)
		}
	}
	switch {
	case k == 0:
		return nil, fmt.Errorf("controls of no chosen samples: %w", ErrEmpty)
	case len(metrics) == 0:
		return nil, fmt.Errorf("controls without a metric")
	case o.Random < 0:
		return nil, fmt.Errorf("controls: %d random ensembles", o.Random)
	}

	c := &Controls{Metrics: metrics, Human: Control{Name: "chosen by people", Samples: chosen}}
	draws, exhaustive := randomSets(n, k, o.Random, o.Seed)
	c.Exhaustive = exhaustive
	total := len(draws) + n + n + 3 + len(metrics)
	progress := &steps{total: total, report: o.Progress}

	// The samples one by one decide the best by each metric.
	single := make([][]float64, n)
	err := progress.each(ctx, n, o.Workers, func(i int) (err error) {
		single[i], err = pool.score(samples[i].Image)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("controls: score samples: %w", err)
	}
	further := make([][]float64, n) // distances of i to i+1, i+2, …
	err = progress.each(ctx, n, o.Workers, func(i int) error {
		for _, other := range seen[i+1:] {
			further[i] = append(further[i], distance(seen[i], other))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("controls: distances: %w", err)
	}
	distances := make([]float64, n)
	for i, row := range further {
		for j, d := range row {
			distances[i] += d
			distances[i+1+j] += d
		}
	}
	c.Medoid = Control{Name: fmt.Sprintf("medoid %d", k), Samples: pool.first(k, func(a, b int) int { return cmp.Compare(distances[a], distances[b]) })}
	c.All = Control{Name: fmt.Sprintf("mean of all %d", n), Samples: pool.first(n, func(a, b int) int { return 0 })}
	for j, m := range metrics {
		c.Best = append(c.Best, Control{
			Name:    fmt.Sprintf("best %d by %s", k, m.Name),
			Samples: pool.first(k, func(a, b int) int { return m.better(single[b][j], single[a][j]) }),
		})
	}
	named := []*Control{&c.Human, &c.Medoid, &c.All}
	for j := range c.Best {
		named = append(named, &c.Best[j])
	}
	err = progress.each(ctx, len(named), o.Workers, func(i int) (err error) {
		named[i].Scores, err = pool.scoreSet(named[i].Samples)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("controls: %w", err)
	}
	c.Random = make([][]float64, len(draws))
	err = progress.each(ctx, len(draws), o.Workers, func(i int) (err error) {
		c.Random[i], err = pool.scoreRows(draws[i])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("controls: random ensembles: %w", err)
	}
	for j := range metrics {
		c.Standing = append(c.Standing, c.standing(j))
	}
	return c, nil
}

func (c *Controls) standing(j int) Standing {
	worse, equal := 0, 0
	for _, scores := range c.Random {
		switch b := c.Metrics[j].better(c.Human.Scores[j], scores[j]); {
		case b > 0:
			worse++
		case b == 0:
			equal++
		}
	}
	n := len(c.Random)
	s := Standing{Percentile: 100 * (float64(worse) + float64(equal)/2) / float64(n)}
	if c.Exhaustive {
		s.P = float64(n-worse) / float64(n)
		s.Interval = stats.Interval{Low: s.Percentile, High: s.Percentile}
		return s
	}
	s.P = float64(1+n-worse) / float64(1+n)
	// Half a count is no count: the interval of both neighbours.
	s.Interval = stats.Interval{
		Low:  100 * stats.Wilson(worse+equal/2, n, 0.95).Low,
		High: 100 * stats.Wilson(worse+(equal+1)/2, n, 0.95).High,
	}
	return s
}

// randomSets returns sets of k of the rows 0 … n-1: random ones or, where
// there are no more of them than asked for, all.
func randomSets(n, k, sets int, seed uint64) (rows [][]int, exhaustive bool) {
	if logSets := combin.LogGeneralizedBinomial(float64(n), float64(k)); logSets < 20 && combin.Binomial(n, k) <= sets {
		return combin.Combinations(n, k), true
	}
	list := make([]uint64, n)
	rows = make([][]int, sets)
	for i := range rows {
		for j := range list {
			list[j] = uint64(j)
		}
		random.Named(seed, "control", fmt.Sprint(i)).Draw(list, k)
		for _, r := range list[n-k:] {
			rows[i] = append(rows[i], int(r))
		}
	}
	return rows, false
}

// distance is the Euclidean distance of two images in 8 bits.
func distance(a, b []byte) float64 {
	squares := 0
	for j, v := range a {
		d := int(v) - int(b[j])
		squares += d * d
	}
	return math.Sqrt(float64(squares))
}

// controlPool is the samples that all control ensembles are made of.
type controlPool struct {
	samples []srspace.Sample
	seen    [][]byte // their 8-bit pixels
	row     map[uint64]int
	metrics []Metric
	combine func([]*picture.Image) (*picture.Image, error) // nil for the mean
}

// first returns the seeds of the first k samples in an order, equal ones in
// rising order of seed.
func (p *controlPool) first(k int, order func(a, b int) int) []uint64 {
	rows := make([]int, len(p.samples))
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(a, b int) int {
		return cmp.Or(order(a, b), cmp.Compare(p.samples[a].Seed, p.samples[b].Seed))
	})
	out := make([]uint64, k)
	for i, r := range rows[:k] {
		out[i] = p.samples[r].Seed
	}
	return out
}

func (p *controlPool) score(m *picture.Image) ([]float64, error) {
	scores := make([]float64, len(p.metrics))
	for j, metric := range p.metrics {
		v, err := metric.Score(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", metric.Name, err)
		}
		if math.IsNaN(v) {
			return nil, fmt.Errorf("%s: score is not a number", metric.Name)
		}
		scores[j] = v
	}
	return scores, nil
}

func (p *controlPool) scoreSet(samples []uint64) ([]float64, error) {
	rows := make([]int, len(samples))
	for i, s := range samples {
		rows[i] = p.row[s]
	}
	return p.scoreRows(rows)
}

func (p *controlPool) scoreRows(rows []int) ([]float64, error) {
	if p.combine == nil { // Mean, without making bytes of each image a thousand times
		seen := make([][]byte, len(rows))
		for i, r := range rows {
			seen[i] = p.seen[r]
		}
		first := p.samples[0].Image
		return p.score(meanOfBytes(seen, first.Width, first.Height))
	}
	set := make([]*picture.Image, len(rows))
	for i, r := range rows {
		set[i] = p.samples[r].Image
	}
	m, err := p.combine(set)
	if err != nil {
		return nil, err
	}
	return p.score(m)
}

// steps counts finished pieces of work and reports them one at a time.
type steps struct {
	mu          sync.Mutex
	done, total int
	report      func(done, total int)
}

// each does pieces of work in parallel, as [parallel.Each], and counts them.
func (s *steps) each(ctx context.Context, n, workers int, work func(i int) error) error {
	return parallel.Each(ctx, n, workers, func(i int) error {
		if err := work(i); err != nil {
			return err
		}
		s.step()
		return nil
	})
}

func (s *steps) step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if s.report != nil {
		s.report(s.done, s.total)
	}
}

// Median is the median score of the random ensembles by metric j of Metrics.
func (c *Controls) Median(j int) float64 { return c.quantiles(j, 0.5)[0] }

// quantiles are those of the random ensembles' scores by metric j.
func (c *Controls) quantiles(j int, p ...float64) []float64 {
	scores := make([]float64, len(c.Random))
	for i, s := range c.Random {
		scores[i] = s[j]
	}
	slices.Sort(scores)
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = bootstrap.Quantile(scores, v)
	}
	return out
}

// Markdown returns the table of the ensemble and its controls under a heading,
// as it stands in the report.
func (c *Controls) Markdown(heading string) string {
	var s strings.Builder
	c.markdown(&s, heading)
	return s.String()
}
