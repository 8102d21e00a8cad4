// Package ntire scores the samples of an SR space as the NTIRE 2021 and 2022
// challenges "Learning the Super-Resolution Space" do (Lugmayr et al., CVPR
// workshops): how diverse the samples are, and whether they all go back to the
// LR image. It equals measure.py of
// github.com/andreas128/NTIRE21_Learning_SR_Space.
package ntire

import (
	"errors"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// GoalLRPSNR is the LR consistency in dB from which on the challenges rank
// methods as equally consistent.
const GoalLRPSNR = 45

// ErrNoSamples is what errors about an empty set of samples wrap.
var ErrNoSamples = errors.New("no samples")

// Spatial returns the distance of image and ref at each pixel, a map of their
// size, such as the Map method of LPIPS; the challenges use LPIPS 0.1 with
// AlexNet.
type Spatial func(image, ref *picture.Image) (*metrics.Map, error)

// Diversity is how much the samples of one picture differ where it helps.
type Diversity struct {
	// GlobalBest is the distance of the best sample: the least mean of a map.
	GlobalBest float64
	// LocalBest is the distance if each pixel came from the sample that is best
	// there: the mean of the pixel-wise least.
	LocalBest float64
	// Score is (GlobalBest - LocalBest) / GlobalBest in per cent: 0 for samples
	// of which one is best everywhere. It is 0 where GlobalBest is 0.
	Score float64
	// Mean is the mean distance of the samples: LPIPS_mean of measure.py.
	Mean float64
}

// MeasureDiversity returns the diversity of samples of one picture, hr. Maps
// are worked out one by one; two are in memory at a time. It cuts no border:
// see [Crop8].
func MeasureDiversity(samples []*picture.Image, hr *picture.Image, spatial Spatial) (Diversity, error) {
	if len(samples) == 0 {
		return Diversity{}, fmt.Errorf("NTIRE diversity: %w", ErrNoSamples)
	}
	d := Diversity{GlobalBest: math.Inf(1)}
	var best *metrics.Map
	for i, sample := range samples {
		m, err := spatial(sample, hr)
		if err != nil {
			return Diversity{}, fmt.Errorf("NTIRE diversity: sample %d: %w", i, err)
		}
		if best == nil {
			best = metrics.NewMap(m.Width, m.Height)
			copy(best.Values, m.Values)
		}
		if m.Width != best.Width || m.Height != best.Height {
			return Diversity{}, fmt.Errorf("NTIRE diversity: sample %d: a map of %d×%d after one of %d×%d: %w", i, m.Width, m.Height, best.Width, best.Height, metrics.ErrSize)
		}
		for p, v := range m.Values {
			best.Values[p] = min(best.Values[p], v)
		}
		mean := m.Mean()
		d.GlobalBest = min(d.GlobalBest, mean)
		d.Mean += mean / float64(len(samples))
	}
	d.LocalBest = best.Mean()
	if d.GlobalBest != 0 {
		d.Score = (d.GlobalBest - d.LocalBest) / d.GlobalBest * 100
	}
	return d, nil
}

// Consistency is the LR consistency of the samples of one picture in dB.
type Consistency struct {
	Worst, Mean float64
}

// MeasureConsistency returns the LR consistency of samples of one picture, hr,
// enlarged by scale: "lrpsnr/ntire/xN" of each ([metrics.NTIRELRPSNR]).
func MeasureConsistency(samples []*picture.Image, hr *picture.Image, scale int) (Consistency, error) {
	if len(samples) == 0 {
		return Consistency{}, fmt.Errorf("NTIRE LR-PSNR: %w", ErrNoSamples)
	}
	if scale < 1 {
		return Consistency{}, fmt.Errorf("NTIRE LR-PSNR: a scale of %d: %w", scale, metrics.ErrSize)
	}
	c := Consistency{Worst: math.Inf(1)}
	for i, sample := range samples {
		db, err := metrics.NTIRELRPSNR(scale).Score(sample, hr)
		if err != nil {
			return Consistency{}, fmt.Errorf("NTIRE LR-PSNR: sample %d: %w", i, err)
		}
		c.Worst = min(c.Worst, db)
		c.Mean += db / float64(len(samples))
	}
	return c, nil
}

// Result is what measure.py prints for one picture.
type Result struct {
	Diversity
	LRPSNR Consistency
}

// Measure cuts hr to multiples of 8 pixels and the samples to its size, as
// measure.py does, and returns diversity and consistency. The challenges report
// the mean of each number over pictures.
func Measure(samples []*picture.Image, hr *picture.Image, scale int, spatial Spatial) (Result, error) {
	cut, err := Crop8(hr)
	if err != nil {
		return Result{}, fmt.Errorf("NTIRE: %w", err)
	}
	cropped := make([]*picture.Image, len(samples))
	for i, s := range samples {
		if s.Width != hr.Width || s.Height != hr.Height {
			return Result{}, fmt.Errorf("NTIRE: sample %d: %d×%d against %d×%d: %w", i, s.Width, s.Height, hr.Width, hr.Height, metrics.ErrSize)
		}
		if cropped[i], err = Crop8(s); err != nil {
			return Result{}, fmt.Errorf("NTIRE: sample %d: %w", i, err)
		}
	}
	var r Result
	if r.LRPSNR, err = MeasureConsistency(cropped, cut, scale); err != nil {
		return Result{}, err
	}
	r.Diversity, err = MeasureDiversity(cropped, cut, spatial)
	return r, err
}

// Crop8 returns the image less the columns and rows at the right and at the
// bottom that exceed a multiple of 8 pixels. Sides below 8 are an error that
// wraps [metrics.ErrTooSmall].
func Crop8(m *picture.Image) (*picture.Image, error) {
	if err := metrics.Check(m); err != nil {
		return nil, err
	}
	w, h := m.Width/8*8, m.Height/8*8
	if w == 0 || h == 0 {
		return nil, fmt.Errorf("%d×%d is below 8 pixels a side: %w", m.Width, m.Height, metrics.ErrTooSmall)
	}
	out := picture.NewImage(w, h)
	for y := range h {
		copy(out.Pix[3*y*w:3*(y+1)*w], m.Pix[3*y*m.Width:])
	}
	return out, nil
}
