package engine

import (
	"context"
	"fmt"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"github.com/trustsr/trustsr/srspace/variety"
)

// varied is a space ready to be asked how its samples differ.
type varied struct {
	*space
	seeds  []uint64
	images []*picture.Image
	set    *variety.Set
}

// varied reads the samples and compares each with each; at least two are
// needed.
func (s *space) varied(ctx context.Context, report func(wire.Progress)) (*varied, error) {
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	if len(images) < 2 {
		return nil, hint.With(fmt.Errorf("space %s holds %d samples: they cannot differ", s.name, len(images)),
			"draw more, for example lab.Digit(497).Draw(324)")
	}
	set, err := variety.New(images)
	if err != nil {
		return nil, withContext("space "+s.name, err)
	}
	progress := &drawing{report: func(p wire.Progress) { p.Note = "comparing samples"; report(p) }}
	if err := set.Prepare(ctx, progress.samples); err != nil {
		return nil, err
	}
	return &varied{s, seeds, images, set}, nil
}

// seedsOf returns the seeds of samples given by their places.
func (v *varied) seedsOf(places []int) []uint64 {
	out := make([]uint64, len(places))
	for i, at := range places {
		out[i] = v.seeds[at]
	}
	return out
}

// imagesOf returns the pictures of samples given by their places.
func (v *varied) imagesOf(places []int) []*picture.Image {
	out := make([]*picture.Image, len(places))
	for i, at := range places {
		out[i] = v.images[at]
	}
	return out
}

// onVaried answers a request about the variety of a space's samples.
func onVaried(do func(*varied, *wire.Request) (*wire.Result, error)) operation {
	return onSpace(func(ctx context.Context, _ *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
		v, err := s.varied(ctx, report)
		if err != nil {
			return nil, err
		}
		return do(v, req)
	})
}

// disagreement shows where the samples differ.
func (v *varied) disagreement(*wire.Request) (*wire.Result, error) {
	spread, err := v.set.Spread()
	if err != nil {
		return nil, err
	}
	components, err := v.set.Components(1)
	if err != nil {
		return nil, err
	}
	heat := plane.Heat{Width: spread.Width, Height: spread.Height, Values: spread.Std, Label: "disagreement", Unit: "levels"}
	img, err := heat.Row([]string{fmt.Sprintf("sample %d", v.seeds[0]), "mean of all"}, []*picture.Image{v.images[0], components.MeanImage()})
	if err != nil {
		return nil, err
	}
	_, x, y := spread.Max()
	f, err := pictureFigure(img, fmt.Sprintf("%s: standard deviation of each pixel over %d samples, in levels of 0 to 255; they disagree most at x=%d, y=%d, and by %.1f in the root mean square. Where samples agree they may still all be wrong.",
		v.subject.Title, len(v.seeds), x, y, spread.RMS()))
	return &wire.Result{Figure: f}, err
}

// directions shows the first principal components.
func (v *varied) directions(req *wire.Request) (*wire.Result, error) {
	if err := v.checkCount(req.K, "directions", len(v.seeds)-1); err != nil {
		return nil, err
	}
	components, err := v.set.Components(req.K)
	if err != nil {
		return nil, err
	}
	if len(components.Directions) == 0 {
		return nil, fmt.Errorf("all %d samples of space %s are equal: they vary in no direction", len(v.seeds), v.name)
	}
	var names [][]string
	var rows [][]*picture.Image
	together := 0.0
	for i, d := range components.Directions {
		names = append(names, []string{fmt.Sprintf("direction %d", i+1), fmt.Sprintf("%.1f %% of variance", 100*d.Share), fmt.Sprintf("σ = %.1f levels", d.Std)})
		rows = append(rows, []*picture.Image{components.At(i, -2), components.At(i, -1), components.MeanImage(), components.At(i, 1), components.At(i, 2)})
		together += d.Share
	}
	img, err := plane.Grid([]string{"mean − 2σ", "mean − σ", "mean", "mean + σ", "mean + 2σ"}, names, rows)
	if err != nil {
		return nil, err
	}
	f, err := pictureFigure(img, fmt.Sprintf("%s: the %d directions (principal components) in which %d samples vary most, together %.0f %% of the variance. These pictures are computed; none of them is a sample.",
		v.subject.Title, len(names), len(v.seeds), 100*together))
	return &wire.Result{Figure: f}, err
}

// clusterRow is how many samples stand for a cluster in its figure.
const clusterRow = 8

// clusters shows the top of the tree of clusters and returns the seeds of
// each, the largest cluster first.
func (v *varied) clusters(req *wire.Request) (*wire.Result, error) {
	if err := v.checkCount(req.K, "clusters", min(len(v.seeds), 100)); err != nil {
		return nil, err
	}
	tree := v.set.Cluster(variety.Ward)
	clusters, err := tree.Cut(req.K)
	if err != nil {
		return nil, err
	}
	above, err := tree.Above(req.K)
	if err != nil {
		return nil, err
	}
	var names [][]string
	var rows [][]*picture.Image
	var groups [][]uint64
	for c, members := range clusters {
		within, err := variety.New(v.imagesOf(members))
		if err != nil {
			return nil, err
		}
		few, err := within.Diverse(min(clusterRow, len(members)))
		if err != nil {
			return nil, err
		}
		var row []*picture.Image
		for _, at := range few.Samples {
			row = append(row, v.images[members[at]])
		}
		names = append(names, []string{fmt.Sprintf("cluster %d", c+1), fmt.Sprintf("%d of %d", len(members), len(v.seeds))})
		rows, groups = append(rows, row), append(groups, v.seedsOf(members))
	}
	img, err := plane.Dendrogram(above, tree.Linkage.String()+" distance, levels", names, rows)
	if err != nil {
		return nil, err
	}
	f, err := pictureFigure(img, fmt.Sprintf("%s: %d clusters of %d samples by %s linkage of pixel differences; of each its medoid, then members that cover it. Clusters are of pixels: what they mean is for people to say.",
		v.subject.Title, len(clusters), len(v.seeds), tree.Linkage))
	return &wire.Result{Figure: f, Groups: groups}, err
}

// diverse shows a few samples that cover the space and returns their seeds.
func (v *varied) diverse(req *wire.Request) (*wire.Result, error) {
	if err := v.checkCount(req.K, "diverse samples", len(v.seeds)); err != nil {
		return nil, err
	}
	subset, err := v.set.Diverse(req.K)
	if err != nil {
		return nil, err
	}
	seeds := v.seedsOf(subset.Samples)
	var labels []string
	for _, seed := range seeds {
		labels = append(labels, fmt.Sprintf("seed %d", seed))
	}
	img, err := plane.Labelled(labels, v.imagesOf(subset.Samples), 8)
	if err != nil {
		return nil, err
	}
	f, err := pictureFigure(img, fmt.Sprintf("%s: %d of %d samples that cover the space: each sample is within %.1f levels (root mean square) of one of them, and no %d pictures can do that within less than %.1f (farthest-point traversal, at most twice the optimum: Gonzalez 1985).",
		v.subject.Title, len(seeds), len(v.seeds), subset.Radius, len(seeds), subset.Bound()))
	return &wire.Result{Figure: f, Groups: [][]uint64{seeds}}, err
}

// checkCount refuses numbers of things that the samples do not have.
func (v *varied) checkCount(k int, what string, most int) error {
	if k < 1 || k > most {
		return hint.With(fmt.Errorf("%d %s of %d samples", k, what, len(v.seeds)), fmt.Sprintf("ask for 1 to %d", most))
	}
	return nil
}
