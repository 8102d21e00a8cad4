package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/variety"
)

// axis is a number that images have.
type axis struct {
	ID     string `json:"id"`     // with its convention, e.g. "psnr/rgb/crop0"
	Label  string `json:"label"`  // with unit and direction, e.g. "PSNR (dB) ↑"
	Better string `json:"better"` // higher, lower, or "" where neither is
}

// measure finds the number of each image.
type measure struct {
	axis  axis
	score func(ctx context.Context, images []*picture.Image, report func(wire.Progress)) ([]float64, error)
}

// planeDirections is how many principal components are axes.
const planeDirections = 2

// measures returns the axes of a space's plane, the two shown first in front:
// fidelity and perception where the truth is known, then the metrics with the
// ids asked for, and the directions in which the samples vary most.
func (e *Engine) measures(ctx context.Context, s *space, ids []string, report func(wire.Progress)) ([]measure, error) {
	out, err := e.allMeasures(ctx, s, ids, report)
	if err == nil && len(out) < 2 {
		return nil, hint.With(fmt.Errorf("space %s has no two numbers to plot: its HR image is not known, and its samples do not differ", s.name), "draw more samples")
	}
	return out, err
}

// allMeasures returns the measures, however few there are.
func (e *Engine) allMeasures(ctx context.Context, s *space, ids []string, report func(wire.Progress)) ([]measure, error) {
	var all []metrics.Metric
	if s.subject.hr != nil {
		perception, err := e.config.Tools.Perception(s.side())
		if err != nil {
			return nil, err
		}
		all = append(all, metrics.PSNRMetric{}, perception, metrics.SSIMMetric{})
	}
	if s.subject.lr != nil {
		all = append(all, metrics.LRPSNRMetric{})
	}
	directions, err := e.directionMeasures(ctx, s, report)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if slices.ContainsFunc(directions, func(d measure) bool { return d.axis.ID == id }) {
			continue
		}
		m, err := metrics.Find(id)
		if err != nil {
			return nil, err
		}
		if side := s.side(); side < m.Info().MinSide {
			return nil, fmt.Errorf("%s needs sides of %d pixels, samples of %s have %d: %w", id, m.Info().MinSide, s.name, side, metrics.ErrTooSmall)
		}
		if slices.ContainsFunc(all, func(have metrics.Metric) bool { return have.Info().ID == m.Info().ID }) {
			continue
		}
		if m.Info().Reference == metrics.HR && s.subject.hr == nil {
			return nil, hint.With(fmt.Errorf("%s has no HR image that %s could compare with", s.subject.Title, id),
				"name the truth with .HR(\"hr.png\"), or use metrics that need none, such as lrpsnr/matlab-u8/vs-lr")
		}
		if m.Info().Reference == metrics.LR && s.subject.lr == nil {
			return nil, inCells(&app.MissingReferenceError{Metric: id, Reference: metrics.LR})
		}
		all = append(all, m)
	}
	var out []measure
	for _, m := range all {
		if s.side() >= m.Info().MinSide {
			out = append(out, e.measureOf(m, s))
		}
	}
	return append(out, directions...), nil
}

// axisID returns the id of the axis that measures asked for id return: some
// metrics may be written in more than one way.
func axisID(id string) string {
	if m, err := metrics.Find(id); err == nil {
		return m.Info().ID
	}
	return id
}

// side is the shorter side of a sample.
func (s *space) side() int {
	w, h := s.size()
	return min(w, h)
}

// measureOf measures by a metric.
func (e *Engine) measureOf(m metrics.Metric, s *space) measure {
	info := m.Info()
	ref := s.subject.hr
	switch info.Reference {
	case metrics.LR:
		ref = s.subject.lr
	case metrics.None:
		ref = nil
	}
	return measure{axis{info.ID, info.Label(), info.Direction.String()},
		func(ctx context.Context, images []*picture.Image, report func(wire.Progress)) ([]float64, error) {
			return e.score(ctx, m, images, ref, report)
		}}
}

// componentStore keeps the components of the space asked for last: a star
// that moves must not wait until all samples are compared again.
type componentStore struct {
	mu         sync.Mutex
	dir        string
	samples    int
	components *variety.Components
}

// of returns the components of a space, nil where it holds too few samples
// that differ, or too many. Samples never change, so their number tells
// whether they are those of last time.
func (c *componentStore) of(ctx context.Context, s *space, report func(wire.Progress)) (*variety.Components, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := s.store.Len()
	if n < 2 || n > variety.MaxSamples {
		return nil, nil
	}
	if c.dir == s.dir && c.samples == n {
		return c.components, nil
	}
	v, err := s.varied(ctx, report)
	if err != nil {
		return nil, err
	}
	components, err := v.set.Components(planeDirections)
	if err != nil {
		return nil, err
	}
	c.dir, c.samples, c.components = s.dir, len(v.seeds), components
	return components, nil
}

// directionMeasures measures along the first principal components.
func (e *Engine) directionMeasures(ctx context.Context, s *space, report func(wire.Progress)) ([]measure, error) {
	components, err := e.components.of(ctx, s, report)
	if err != nil || components == nil {
		return nil, err
	}
	var out []measure
	for i, d := range components.Directions {
		label := fmt.Sprintf("direction %d (levels), %.0f %% of variance", i+1, 100*d.Share)
		out = append(out, measure{axis{ID: fmt.Sprintf("direction/%d", i+1), Label: label},
			func(_ context.Context, images []*picture.Image, _ func(wire.Progress)) ([]float64, error) {
				along := make([]float64, len(images))
				for at, m := range images {
					var err error
					if along[at], err = components.Coordinate(i, m); err != nil {
						return nil, err
					}
				}
				return along, nil
			}})
	}
	return out, nil
}
