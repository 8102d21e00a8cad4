package engine

import (
	"context"
	"sync"

	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// scoreStore keeps scores in the folder scores, by the content of both pictures:
// whatever space an image is in, it is scored once.
type scoreStore struct {
	mu    sync.Mutex
	cache *metrics.Cache
}

// open returns the store; a folder that could not be read is tried again.
func (s *scoreStore) open(dir string) (*metrics.Cache, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil {
		cache, err := metrics.OpenCache(dir)
		if err != nil {
			return nil, err
		}
		s.cache = cache
	}
	return s.cache, nil
}

// score returns the score of each image against ref, scoring those that no
// engine has scored before.
func (e *Engine) score(ctx context.Context, metric metrics.Metric, images []*picture.Image, ref *picture.Image, report func(wire.Progress)) ([]float64, error) {
	cache, err := e.scores.open(e.scoresDir())
	if err != nil {
		return nil, err
	}
	progress := &drawing{report: func(p wire.Progress) { p.Note = "scoring (" + metric.Info().Name + ")"; report(p) }}
	return cache.ScoreAll(ctx, metric, images, ref, progress.samples)
}

// perception returns the score of each image against hr by the metric of the
// plane's second axis, and the metric's passport.
func (e *Engine) perception(ctx context.Context, hr *picture.Image, images []*picture.Image, report func(wire.Progress)) ([]float64, metrics.Info, error) {
	e.scoring.Lock()
	defer e.scoring.Unlock()
	metric, err := e.config.Tools.Perception(min(hr.Width, hr.Height))
	if err != nil {
		return nil, metrics.Info{}, err
	}
	scores, err := e.score(ctx, metric, images, hr, report)
	return scores, metric.Info(), err
}
