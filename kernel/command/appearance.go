package command

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// eyes are what simulated participants see with.
type eyes struct {
	known map[string]ensemble.Appearance // of pictures that are no digits, by their hash
}

// openEyes looks at the samples of a study that are no digits, which their
// pages cannot judge alone, and refuses a study that asks to read digits in
// them. Nothing is written.
func openEyes(file string) (*eyes, error) {
	s, err := study.Load(file)
	if err != nil {
		return nil, err
	}
	trials := s.Trials
	if s.Training != nil {
		trials = append([]study.Trial{*s.Training}, trials...)
	}
	e := &eyes{known: map[string]ensemble.Appearance{}}
	for _, t := range trials {
		space, samples, err := openSamples(s.SpacePath(t))
		if err != nil {
			return nil, fmt.Errorf("trial %q: %w", t.Name, err)
		}
		switch {
		case isDigit(samples[0].Image):
			continue
		case s.ProtocolRules().Reading == ensemble.DigitReading:
			first := samples[0].Image
			return nil, hint.With(fmt.Errorf("trial %q: pictures of %d×%d; simulated participants read digits of 28×28 pixels only", t.Name, first.Width, first.Height),
				"with the study file's rules: {reading: none} they only choose")
		}
		looks, err := qualities(space.LR(), samples)
		if err != nil {
			return nil, fmt.Errorf("trial %q: %w", t.Name, err)
		}
		for i, sample := range samples {
			e.known[sample.Image.Hash()] = looks[i]
		}
	}
	return e, nil
}

// at says what pictures look like, as study.Simulation asks.
func (e *eyes) at(images []*picture.Image) ([]ensemble.Appearance, error) {
	if isDigit(images[0]) {
		looks, _, err := readDigits(images)
		return looks, err
	}
	looks := make([]ensemble.Appearance, len(images))
	for i, img := range images {
		looks[i] = e.known[img.Hash()]
	}
	return looks, nil
}

// openSamples opens a space, or a folder of pictures made elsewhere, with its
// samples; there is at least one.
func openSamples(dir string) (*srspace.Space, []srspace.Sample, error) {
	open := srspace.Open
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); os.IsNotExist(err) {
			open = srspace.OpenFolder
		}
	}
	space, err := open(dir)
	if err != nil {
		return nil, nil, err
	}
	var samples []srspace.Sample
	for _, seed := range space.Seeds() {
		img, err := space.Image(seed)
		if err != nil {
			return nil, nil, err
		}
		samples = append(samples, srspace.Sample{Seed: seed, Image: img})
	}
	if len(samples) == 0 {
		return nil, nil, hint.With(fmt.Errorf("%s has no samples", dir), "draw some with: go run ./kernel sample")
	}
	return space, samples, nil
}

// qualities are how samples that are no digits look to simulated experts: how
// well each agrees with the LR picture (LR-PSNR) or, where there is none, with
// the mean of all (PSNR), from 0 for the worst to 1 for the best. It is a
// stand-in for an eye: both favour what is smooth.
func qualities(lr *picture.Image, samples []srspace.Sample) ([]ensemble.Appearance, error) {
	var metric metrics.Metric = metrics.LRPSNRMetric{}
	ref := lr
	if lr == nil {
		images := make([]*picture.Image, len(samples))
		for i, s := range samples {
			images[i] = s.Image
		}
		var err error
		if ref, err = ensemble.Mean(images); err != nil {
			return nil, err
		}
		metric = metrics.PSNRMetric{}
	}
	looks := make([]ensemble.Appearance, len(samples))
	worst, best := math.Inf(1), math.Inf(-1)
	for i, s := range samples {
		v, err := metric.Score(s.Image, ref)
		if err != nil {
			return nil, err
		}
		looks[i].Quality = min(v, maxDecibels)
		worst, best = min(worst, looks[i].Quality), max(best, looks[i].Quality)
	}
	for i := range looks {
		if best > worst {
			looks[i].Quality = (looks[i].Quality - worst) / (best - worst)
		}
	}
	return looks, nil
}

// digitReader is the embedded model, opened once: its reader is asked often.
var digitReader = sync.OnceValues(func() (*digits.Model, error) { return digits.Open("") })

// readDigits returns what the digit reader sees in pictures, and what it reads.
func readDigits(pictures []*picture.Image) (looks []ensemble.Appearance, read []string, err error) {
	m, err := digitReader()
	if err != nil {
		return nil, nil, err
	}
	probabilities, err := m.Probabilities(pictures)
	if err != nil {
		return nil, nil, err
	}
	for _, each := range probabilities {
		readings, best := map[string]float64{}, 0
		for digit, p := range each {
			readings[strconv.Itoa(digit)] = p
			if p > each[best] {
				best = digit
			}
		}
		looks = append(looks, ensemble.Appearance{Readings: readings, Quality: each[best]})
		read = append(read, strconv.Itoa(best))
	}
	return looks, read, nil
}

// isDigit reports whether a picture has the size of MNIST's digits.
func isDigit(m *picture.Image) bool { return m.Width == 28 && m.Height == 28 }
