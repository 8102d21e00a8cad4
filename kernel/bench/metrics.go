package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// metricGroup is a metric and how many images of 256×256 it is timed on.
type metricGroup struct {
	name, id string
	images   int
}

var metricGroups = []metricGroup{
	{"psnr", "psnr/rgb/crop0", 256},
	{"ssim", "ssim/rgb/crop0", 32},
	{"lpips", "lpips/alex/0.1", 16},
	{"dists", "dists/noresize", 4},
	{"nrqm", "nrqm/official", 2},
}

// metricSide is the side of the paper's ×4 results on 64×64 crops.
const metricSide = 256

func (g metricGroup) measure(ctx context.Context, s *session) error {
	m, err := metrics.Find(g.id)
	if errors.Is(err, metrics.ErrUnknown) {
		return fmt.Errorf("%w: no metric %s", errSkip, g.id)
	}
	if err != nil {
		return err
	}
	ref := smoothPicture(metricSide, 0)
	images := make([]*picture.Image, pick(s, g.images, 2))
	for i := range images {
		images[i] = smoothPicture(metricSide, uint64(i+1))
	}
	id := fmt.Sprintf("metrics/%s/%dx%d", g.id, metricSide, metricSide)
	err = s.time(ctx, id, "images/s", rate(len(images)), func() error {
		_, err := metrics.ScoreAll(ctx, m, images, ref)
		return err
	})
	if errors.Is(err, metrics.ErrNoWeights) {
		return fmt.Errorf("%w: %v", errSkip, err)
	}
	return err
}
