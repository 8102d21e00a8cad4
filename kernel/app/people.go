package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// NoSamplesError is a space that holds too few samples.
type NoSamplesError struct {
	Dir        string
	Have, Want int // Want is the least number that would do
}

func (e *NoSamplesError) Error() string {
	if e.Have == 0 {
		return e.Dir + " has no samples"
	}
	return fmt.Sprintf("%s has %d samples, at least %d are needed", e.Dir, e.Have, e.Want)
}

// OpenSpace opens a space, or a folder of pictures made elsewhere.
func OpenSpace(dir string) (*srspace.Space, error) {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); errors.Is(err, os.ErrNotExist) {
			return srspace.OpenFolder(dir)
		}
	}
	return srspace.Open(dir)
}

// OpenSamples opens a space, or a folder of pictures made elsewhere, with its
// samples. There is at least one, or the error is a [NoSamplesError].
func OpenSamples(dir string) (*srspace.Space, []srspace.Sample, error) {
	space, err := OpenSpace(dir)
	if err != nil {
		return nil, nil, err
	}
	var samples []srspace.Sample
	for _, seed := range space.Seeds() {
		sample, err := space.Sample(seed)
		if err != nil {
			return nil, nil, err
		}
		samples = append(samples, sample)
	}
	if len(samples) == 0 {
		return nil, nil, &NoSamplesError{dir, 0, 1}
	}
	return space, samples, nil
}

// IsDigit reports whether a picture has the size of MNIST's digits, which the
// digit reader reads.
func IsDigit(m *picture.Image) bool { return m.Width == 28 && m.Height == 28 }

// NotDigitsError is a request to read digits in pictures of another size.
type NotDigitsError struct{ Width, Height int }

func (e *NotDigitsError) Error() string {
	return fmt.Sprintf("the pictures are %d×%d; the digit reader reads 28×28 pixels only", e.Width, e.Height)
}

// ReadDigits returns what simulated people see in pictures of digits, all ten
// readings with the reader's probabilities, and the likeliest reading of each.
func (ms *Models) ReadDigits(ctx context.Context, images []*picture.Image) (looks []ensemble.Appearance, read []string, err error) {
	reader, err := ms.Reader(ctx)
	if err != nil {
		return nil, nil, err
	}
	probabilities, err := reader.Probabilities(images)
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

// Appearances are what simulated people see in samples: of digits what the
// digit reader reads, of other pictures how well each agrees with the LR
// picture or, where lr is nil, with the mean of all. A protocol that asks for
// digits in other pictures is a [NotDigitsError].
func (ms *Models) Appearances(ctx context.Context, reading ensemble.ReadingKind, lr *picture.Image, samples []srspace.Sample) ([]ensemble.Appearance, error) {
	switch first := samples[0].Image; {
	case IsDigit(first):
		looks, _, err := ms.ReadDigits(ctx, imagesOf(samples))
		return looks, err
	case reading == ensemble.DigitReading:
		return nil, &NotDigitsError{first.Width, first.Height}
	}
	return qualities(lr, samples)
}

// qualities are how samples that are no digits look to simulated experts: how
// well each agrees with the LR picture (LR-PSNR) or, where there is none, with
// the mean of all (PSNR), from 0 for the worst to 1 for the best. It is a
// stand-in for an eye: both favour what is smooth.
func qualities(lr *picture.Image, samples []srspace.Sample) ([]ensemble.Appearance, error) {
	var metric metrics.Metric = metrics.LRPSNRMetric{}
	ref := lr
	if lr == nil {
		var err error
		if ref, err = ensemble.Mean(imagesOf(samples)); err != nil {
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

// MixedPanel is the behaviour of a panel in which every kind takes its turn.
const MixedPanel = "mix"

// maxPanel bounds how many people are simulated at once.
const maxPanel = 10_000

// Panel makes simulated participants of one of ensemble.Behaviours, or of all
// in turn for MixedPanel.
func Panel(people int, behaviour string, seed uint64) ([]ensemble.SimulatedParticipant, error) {
	if people < 1 || people > maxPanel {
		return nil, fmt.Errorf("%d participants: 1 to %d", people, maxPanel)
	}
	if behaviour != MixedPanel {
		if !slices.Contains(ensemble.Behaviours, ensemble.Behaviour(behaviour)) {
			return nil, fmt.Errorf("behaviour %q is none of %s or %s", behaviour, list(ensemble.Behaviours), MixedPanel)
		}
		return ensemble.SimulatedPanel(people, ensemble.Behaviour(behaviour), seed), nil
	}
	var panel []ensemble.SimulatedParticipant
	for i := range people {
		one := ensemble.SimulatedPanel(people, ensemble.Behaviours[i%len(ensemble.Behaviours)], seed)
		panel = append(panel, one[i])
	}
	return panel, nil
}

// Cast makes up the ballots of a panel on one trial. The same arguments make
// the same ballots, whichever front end asks.
func (ms *Models) Cast(ctx context.Context, t Trial, people int, behaviour string, seed uint64) ([]ensemble.Ballot, error) {
	panel, err := Panel(people, behaviour, seed)
	if err != nil {
		return nil, err
	}
	looks, err := ms.Appearances(ctx, t.Protocol.Reading, t.LR, t.Samples)
	if err != nil {
		return nil, err
	}
	appearances := map[uint64]ensemble.Appearance{}
	for i, s := range t.Samples {
		appearances[s.Seed] = looks[i]
	}
	start := time.Date(2022, 1, 1, 9, 0, 0, 0, time.UTC) // any: equal calls make equal ballots
	return ensemble.Simulate(&t.Protocol, []ensemble.SimulatedTrial{{Name: t.Name, Samples: appearances}}, panel, seed, start)
}

func imagesOf(samples []srspace.Sample) []*picture.Image {
	images := make([]*picture.Image, len(samples))
	for i, s := range samples {
		images[i] = s.Image
	}
	return images
}

// list joins names for a sentence.
func list[T ~string](names []T) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += ", "
		}
		text += string(name)
	}
	return text
}
