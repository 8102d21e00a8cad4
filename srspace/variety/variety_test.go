package variety_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/variety"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
)

// grey returns pictures one pixel high, each of these grey levels. The
// distance of two with one pixel is the difference of their levels.
func grey(t *testing.T, pictures ...[]byte) *variety.Set {
	t.Helper()
	var images []*picture.Image
	for _, levels := range pictures {
		m, err := picture.FromGray(levels, len(levels), 1)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, m)
	}
	s, err := variety.New(images)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// line returns one-pixel pictures of these levels.
func line(t *testing.T, levels ...byte) *variety.Set {
	var pictures [][]byte
	for _, v := range levels {
		pictures = append(pictures, []byte{v})
	}
	return grey(t, pictures...)
}

// random returns n pictures of noise.
func random(n, width, height int, seed uint64) []*picture.Image {
	var out []*picture.Image
	for i := range n {
		m := picture.NewImage(width, height)
		srspace.Noise(m.Pix, seed, uint32(i))
		for j := range m.Pix {
			m.Pix[j] = 0.5 + 0.15*m.Pix[j]
		}
		out = append(out, m)
	}
	return out
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func TestDistance(t *testing.T) {
	s := grey(t, []byte{0, 10}, []byte{3, 14}, []byte{0, 10})
	if d := s.Distance(0, 1); !near(d, math.Sqrt((9+16)/2.0)) { // by hand
		t.Errorf("distance %v", d)
	}
	if s.Distance(0, 2) != 0 || s.Distance(1, 1) != 0 {
		t.Error("equal pictures differ")
	}
	if at := line(t, 0, 1, 3, 7, 10).Medoid([]int{0, 1, 2, 3, 4}); at != 2 { // sums 21, 18, 16, 20, 29
		t.Errorf("medoid %d", at)
	}
}

func TestSpread(t *testing.T) {
	// Columns: all agree; 0, 0, 255, 255, with mean 127.5 and squares
	// 4·127.5² over 3; 1, 2, 3, 4, with squares 5 over 3.
	s, err := grey(t, []byte{9, 0, 1}, []byte{9, 0, 2}, []byte{9, 255, 3}, []byte{9, 255, 4}).Spread()
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range []float64{0, 127.5 * math.Sqrt(4.0/3), math.Sqrt(5.0 / 3)} {
		if !near(s.Std[p], want) {
			t.Errorf("pixel %d: %v, want %v", p, s.Std[p], want)
		}
	}
	if v, x, y := s.Max(); v != s.Std[1] || x != 1 || y != 0 {
		t.Errorf("largest %v at (%d,%d)", v, x, y)
	}
	if want := math.Sqrt((127.5*127.5*4/3 + 5.0/3) / 3); !near(s.RMS(), want) {
		t.Errorf("root mean square %v, want %v", s.RMS(), want)
	}
	// A difference in one channel of three.
	a, b := picture.NewImage(1, 1), picture.NewImage(1, 1)
	b.Pix[2] = 30.0 / 255
	colour, _ := variety.New([]*picture.Image{a, b})
	if s, err := colour.Spread(); err != nil || !near(s.Std[0], math.Sqrt(2*15*15/3.0)) {
		t.Errorf("one channel: %v, %v", s, err)
	}
}

func TestComponentsByHand(t *testing.T) {
	// A cross: variance (10²+10²)/3 along x, (4²+4²)/3 along y.
	c, err := grey(t, []byte{90, 100}, []byte{110, 100}, []byte{100, 96}, []byte{100, 104}).Components(5)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Directions) != 2 {
		t.Fatalf("%d directions, want 2", len(c.Directions))
	}
	x, y := c.Directions[0], c.Directions[1]
	// In the metric of Distance a step along one of two pixels counts 1/√2.
	if !near(x.Std, math.Sqrt(200.0/3/2)) || !near(y.Std, math.Sqrt(32.0/3/2)) || !near(x.Share, 200.0/232) {
		t.Errorf("deviations %v, %v, share %v", x.Std, y.Std, x.Share)
	}
	for i, want := range []float64{-10, 10, 0, 0} {
		if math.Abs(x.Along[i]-want/math.Sqrt2) > 1e-9 {
			t.Errorf("sample %d lies at %v", i, x.Along[i])
		}
	}
	if m := c.At(0, 2); math.Abs(float64(m.Pix[0])*255-(100+2*math.Sqrt(200.0/3))) > 1e-4 || math.Abs(float64(m.Pix[3])*255-100) > 1e-4 {
		t.Errorf("mean + 2σ is %v", m.Pix)
	}
	if m := c.At(0, -100); m.Pix[0] != 0 {
		t.Errorf("not clipped: %v", m.Pix[0])
	}
}

// The directions are those of gonum's singular value decomposition.
func TestComponentsEqualPC(t *testing.T) {
	images := random(12, 5, 4, 3)
	s, err := variety.New(images)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Components(100)
	if err != nil {
		t.Fatal(err)
	}
	const d = 3 * 5 * 4
	data := mat.NewDense(len(images), d, nil)
	for i, m := range images {
		for j, v := range m.Bytes() {
			data.Set(i, j, float64(v))
		}
	}
	var pc stat.PC
	if !pc.PrincipalComponents(data, nil) {
		t.Fatal("gonum found none")
	}
	var vectors mat.Dense
	pc.VectorsTo(&vectors)
	variances := pc.VarsTo(nil)
	if len(c.Directions) != len(images)-1 {
		t.Fatalf("%d directions of %d samples", len(c.Directions), len(images))
	}
	sum := 0.0
	for i, direction := range c.Directions {
		if !near(direction.Std*direction.Std*d, variances[i]) {
			t.Errorf("variance %d: %v, want %v", i, direction.Std*direction.Std*d, variances[i])
		}
		dot := mat.Dot(mat.NewVecDense(d, direction.Vector), vectors.ColView(i)) / math.Sqrt(d)
		if math.Abs(math.Abs(dot)-1) > 1e-9 {
			t.Errorf("direction %d is turned by %v", i, dot)
		}
		if largest := slices.MaxFunc(direction.Vector, func(a, b float64) int { return int(math.Copysign(1, math.Abs(a)-math.Abs(b))) }); largest < 0 {
			t.Errorf("direction %d points to %v", i, largest)
		}
		for at, m := range images {
			if along, err := c.Coordinate(i, m); err != nil || math.Abs(along-direction.Along[at]) > 1e-9 {
				t.Errorf("sample %d lies at %v along direction %d, want %v (%v)", at, along, i, direction.Along[at], err)
			}
		}
		sum += direction.Share
	}
	if _, err := c.Coordinate(0, picture.NewImage(4, 5)); !errors.Is(err, variety.ErrSize) {
		t.Errorf("coordinate of a picture of another size: %v", err)
	}
	spread, err := s.Spread()
	if err != nil {
		t.Fatal(err)
	}
	if !near(sum, 1) || !near(c.Variance, spread.RMS()*spread.RMS()) {
		t.Errorf("shares sum to %v; variance %v, spread %v", sum, c.Variance, spread.RMS())
	}
}

func TestClustersByHand(t *testing.T) {
	s := line(t, 0, 7, 1, 3)
	for linkage, want := range map[variety.Linkage][]variety.Merge{
		// Means 0.5 and 3, then 4/3 and 7.
		variety.Ward: {{A: 0, B: 2, Height: 1, Size: 2}, {A: 3, B: 4, Height: math.Sqrt(4.0/3) * 2.5, Size: 3}, {A: 1, B: 5, Height: math.Sqrt(1.5) * 17 / 3, Size: 4}},
		// (3+2)/2, then (7+6+4)/3.
		variety.Average: {{A: 0, B: 2, Height: 1, Size: 2}, {A: 3, B: 4, Height: 2.5, Size: 3}, {A: 1, B: 5, Height: 17.0 / 3, Size: 4}},
	} {
		tree := s.Cluster(linkage)
		for m, got := range tree.Merges {
			if got.A != want[m].A || got.B != want[m].B || got.Size != want[m].Size || !near(got.Height, want[m].Height) {
				t.Errorf("%v: merge %d is %+v, want %+v", linkage, m, got, want[m])
			}
		}
		if order := tree.Order(); !slices.Equal(order, []int{0, 2, 3, 1}) {
			t.Errorf("%v: order %v", linkage, order)
		}
		for k, want := range map[int][][]int{
			1: {{0, 1, 2, 3}}, 2: {{0, 2, 3}, {1}}, 3: {{0, 2}, {1}, {3}}, 4: {{0}, {1}, {2}, {3}},
		} {
			if got, err := tree.Cut(k); err != nil || !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%v: cut into %d: %v, %v", linkage, k, got, err)
			}
		}
		above, err := tree.Above(3) // clusters {0,2}, {1}, {3}
		if err != nil || len(above.Merges) != 2 || above.Merges[0].A != 0 || above.Merges[0].B != 2 || above.Merges[1].A != 1 || above.Merges[1].B != 3 || above.Merges[1].Size != 4 {
			t.Errorf("%v: above the cut %+v, %v", linkage, above, err)
		}
	}
}

// The chain of nearest neighbours finds the merges that the definition gives:
// join the two nearest clusters, again and again.
func TestClustersEqualDefinition(t *testing.T) {
	for seed := range uint64(5) {
		images := random(30, 4, 3, seed)
		s, err := variety.New(images)
		if err != nil {
			t.Fatal(err)
		}
		for linkage, distance := range map[variety.Linkage]func(a, b []int) float64{
			variety.Average: func(a, b []int) float64 {
				sum := 0.0
				for _, i := range a {
					for _, j := range b {
						sum += s.Distance(i, j)
					}
				}
				return sum / float64(len(a)*len(b))
			},
			variety.Ward: func(a, b []int) float64 {
				squares := 0.0
				for j := range images[0].Pix {
					difference := meanLevel(images, a, j) - meanLevel(images, b, j)
					squares += difference * difference
				}
				na, nb := float64(len(a)), float64(len(b))
				return math.Sqrt(2 * na * nb / (na + nb) * squares / float64(len(images[0].Pix)))
			},
		} {
			tree := s.Cluster(linkage)
			clusters := map[int][]int{}
			for i := range images {
				clusters[i] = []int{i}
			}
			for m, got := range tree.Merges {
				bestA, bestB, least := 0, 0, math.Inf(1)
				for a := range clusters {
					for b := range clusters {
						if d := distance(clusters[a], clusters[b]); a < b && d < least {
							bestA, bestB, least = a, b, d
						}
					}
				}
				if got.A != bestA || got.B != bestB || !near(got.Height, least) {
					t.Fatalf("%v, seed %d: merge %d is %+v, want %d and %d at %v", linkage, seed, m, got, bestA, bestB, least)
				}
				clusters[len(images)+m] = append(slices.Clone(clusters[bestA]), clusters[bestB]...)
				delete(clusters, bestA)
				delete(clusters, bestB)
			}
		}
	}
}

func meanLevel(images []*picture.Image, members []int, j int) float64 {
	sum := 0.0
	for _, i := range members {
		sum += float64(images[i].Bytes()[j])
	}
	return sum / float64(len(members))
}

// Samples that are all alike make a tree of height 0, not a panic.
func TestEqualSamples(t *testing.T) {
	s := line(t, 5, 5, 5, 5)
	for _, linkage := range []variety.Linkage{variety.Ward, variety.Average} {
		if tree := s.Cluster(linkage); len(tree.Merges) != 3 || tree.Merges[2].Height != 0 || tree.Merges[2].Size != 4 {
			t.Errorf("%v: %+v", linkage, tree)
		}
	}
	if c, err := s.Components(2); err != nil || len(c.Directions) != 0 || c.Variance != 0 {
		t.Errorf("components %+v, %v", c, err)
	}
	if d, err := s.Diverse(3); err != nil || !slices.Equal(d.Samples, []int{0, 1, 2}) || d.Radius != 0 {
		t.Errorf("diverse %+v, %v", d, err)
	}
	one := line(t, 5)
	if tree := one.Cluster(variety.Ward); len(tree.Merges) != 0 || len(tree.Order()) != 1 {
		t.Errorf("tree of one: %+v", tree)
	}
}

func TestDiverseByHand(t *testing.T) {
	s := line(t, 0, 1, 3, 7, 10)
	for k, want := range map[int]variety.Subset{
		1: {Samples: []int{2}, Radius: 7},
		2: {Samples: []int{2, 4}, Radius: 3},
		3: {Samples: []int{2, 4, 0}, Radius: 3}, // 0 and 7 are both 3 away: the first
		4: {Samples: []int{2, 4, 0, 3}, Radius: 1},
		5: {Samples: []int{2, 4, 0, 3, 1}},
	} {
		got, err := s.Diverse(k)
		if err != nil || !slices.Equal(got.Samples, want.Samples) || got.Radius != want.Radius || got.Bound() != want.Radius/2 {
			t.Errorf("%d: %+v, %v", k, got, err)
		}
	}
}

// The radius is at most twice the best of all subsets, and the bound is not
// above it.
func TestDiverseGuarantee(t *testing.T) {
	for seed := range uint64(20) {
		s, err := variety.New(random(11, 1, 1, seed))
		if err != nil {
			t.Fatal(err)
		}
		for k := 1; k <= 4; k++ {
			least := math.Inf(1)
			for _, subset := range combin.Combinations(s.Len(), k) {
				least = min(least, radius(s, subset))
			}
			got, err := s.Diverse(k)
			if err != nil {
				t.Fatal(err)
			}
			if r := radius(s, got.Samples); !near(r, got.Radius) {
				t.Errorf("seed %d, %d samples: radius %v, said to be %v", seed, k, r, got.Radius)
			}
			if got.Radius > 2*least+1e-9 || got.Bound() > least+1e-9 {
				t.Errorf("seed %d, %d samples: radius %v, bound %v, least possible %v", seed, k, got.Radius, got.Bound(), least)
			}
		}
	}
}

func radius(s *variety.Set, subset []int) float64 {
	worst := 0.0
	for i := range s.Len() {
		nearest := math.Inf(1)
		for _, j := range subset {
			nearest = min(nearest, s.Distance(i, j))
		}
		worst = max(worst, nearest)
	}
	return worst
}

// Preparing tells how far it is, and is not half done when it is cancelled.
func TestPrepare(t *testing.T) {
	s, err := variety.New(random(20, 3, 3, 1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var told []int
	err = s.Prepare(ctx, func(done, total int) {
		if told = append(told, done); done == 5 || total != 20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(told) < 5 || len(told) > 10 {
		t.Errorf("cancelled after %v: %v", told, err)
	}
	told = nil
	if err := s.Prepare(context.Background(), func(done, _ int) { told = append(told, done) }); err != nil || len(told) != 20 || !slices.IsSorted(told) {
		t.Errorf("told %v, %v", told, err)
	}
	if err := s.Prepare(ctx, func(int, int) { t.Error("prepared twice") }); err != nil || s.Distance(3, 17) == 0 {
		t.Errorf("distance %v, %v", s.Distance(3, 17), err)
	}
}

func TestErrors(t *testing.T) {
	small, other := picture.NewImage(2, 2), picture.NewImage(3, 2)
	one, err := variety.New([]*picture.Image{small})
	if err != nil {
		t.Fatal(err)
	}
	many := make([]*picture.Image, variety.MaxSamples+1)
	for i := range many {
		many[i] = small
	}
	for name, c := range map[string]struct {
		do   func() error
		want error
	}{
		"no samples":     {func() error { _, err := variety.New(nil); return err }, variety.ErrEmpty},
		"two sizes":      {func() error { _, err := variety.New([]*picture.Image{small, other}); return err }, variety.ErrSize},
		"empty pictures": {func() error { _, err := variety.New([]*picture.Image{{}}); return err }, variety.ErrSize},
		"cut off":        {func() error { _, err := variety.New([]*picture.Image{{Width: 9, Height: 9}}); return err }, variety.ErrSize},
		"too many":       {func() error { _, err := variety.New(many); return err }, variety.ErrSize},
		"spread of one":  {func() error { _, err := one.Spread(); return err }, variety.ErrEmpty},
		"components":     {func() error { _, err := one.Components(1); return err }, variety.ErrEmpty},
		"diverse 2 of 1": {func() error { _, err := one.Diverse(2); return err }, variety.ErrEmpty},
		"diverse 0":      {func() error { _, err := one.Diverse(0); return err }, variety.ErrEmpty},
		"cut 0":          {func() error { _, err := one.Cluster(variety.Ward).Cut(0); return err }, variety.ErrEmpty},
		"cut 2 of 1":     {func() error { _, err := one.Cluster(variety.Ward).Above(2); return err }, variety.ErrEmpty},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

func BenchmarkDigits(b *testing.B) {
	images := random(324, 28, 28, 1)
	for b.Loop() {
		s, err := variety.New(images)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Components(3); err != nil {
			b.Fatal(err)
		}
		s.Cluster(variety.Ward)
		s.Diverse(15)
	}
}
