package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/metrics/nrqm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// maxDecibels stands for the infinitely many decibels of equal pictures, so
// that means and plots stay finite.
const maxDecibels = 100

// ReaderID names the digit reader's certainty in a list of metrics. It is no
// metric of the registry, because it knows digits only.
const ReaderID = "reader"

// MissingReferenceError is a metric that compares with a picture that is not
// there.
type MissingReferenceError struct {
	Metric    string // id
	Reference metrics.Reference
}

func (e *MissingReferenceError) Error() string {
	return fmt.Sprintf("%s compares with an %s picture: there is no such picture", e.Metric, e.Reference)
}

// ensembleMetrics returns what the ensembles of a trial and their controls are
// scored by, and notes on the metrics of a preset that have no score here.
//
// selection holds presets and ids as [metrics.Select] takes them, and
// ReaderID. "" is what there is to compare with: PSNR with an HR picture, LR
// consistency with an LR picture, and the reader's certainty of digits. A
// metric named by its id that cannot score is an error.
func (ms *Models) ensembleMetrics(ctx context.Context, selection string, t Trial) (found []ensemble.Metric, notes []string, err error) {
	first := t.Samples[0].Image
	ids := splitList(selection)
	reader := len(ids) == 0 && IsDigit(first)
	if len(ids) == 0 {
		if t.HR != nil {
			ids = append(ids, metrics.PSNRMetric{}.Info().ID)
		}
		if t.LR != nil {
			ids = append(ids, metrics.LRPSNRMetric{}.Info().ID)
		}
	}
	if i := slices.Index(ids, ReaderID); i >= 0 {
		if !IsDigit(first) {
			return nil, nil, fmt.Errorf("%s: %w", ReaderID, &NotDigitsError{first.Width, first.Height})
		}
		reader = true
		ids = slices.Delete(ids, i, i+1)
	}
	if len(ids) > 0 {
		scale := metrics.DefaultScale
		if t.LR != nil {
			scale = max(1, first.Width/t.LR.Width)
		}
		chosen, err := metrics.Select(strings.Join(ids, ","), scale)
		if err != nil {
			return nil, nil, err
		}
		if t.LR != nil {
			if factor, err := metrics.Factor(first.Width, first.Height, t.LR.Width, t.LR.Height); err == nil {
				chosen = metrics.AtFactor(chosen, factor)
			}
		}
		for _, m := range chosen {
			scored, err := ensembleMetric(m, t)
			var missing *MissingReferenceError
			switch {
			case err == nil:
				found = append(found, scored)
			case slices.Contains(ids, m.Info().ID) || !NoScore(err) && !errors.As(err, &missing):
				return nil, nil, err
			default:
				notes = append(notes, err.Error())
			}
		}
	}
	if reader {
		found = append(found, ms.readerCertainty(ctx))
	}
	return found, notes, nil
}

// splitList splits a list at its commas.
func splitList(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// ensembleMetric is a metric with its reference worked out once, tried on a
// sample.
func ensembleMetric(m metrics.Metric, t Trial) (ensemble.Metric, error) {
	info := m.Info()
	var ref *picture.Image
	switch info.Reference {
	case metrics.HR:
		ref = t.HR
	case metrics.LR:
		ref = t.LR
	}
	if ref == nil && info.Reference != metrics.None {
		return ensemble.Metric{}, &MissingReferenceError{info.ID, info.Reference}
	}
	score := func(img *picture.Image) (float64, error) { return m.Score(img, ref) }
	if p, ok := m.(metrics.Preparer); ok && ref != nil {
		var err error
		if score, err = p.Prepare(ref); err != nil {
			return ensemble.Metric{}, fmt.Errorf("prepare the reference: %w", err)
		}
	}
	if _, err := score(t.Samples[0].Image); err != nil {
		return ensemble.Metric{}, fmt.Errorf("score a sample: %w", err)
	}
	return ensemble.Metric{Name: info.ID, LowerIsBetter: info.Direction == metrics.LowerIsBetter,
		Score: func(img *picture.Image) (float64, error) {
			v, err := score(img)
			if info.Unit == "dB" {
				v = math.Min(v, maxDecibels)
			}
			return v, err
		}}, nil
}

// readerCertainty is how surely the digit reader reads an ensemble, whatever
// it reads: high where the mean is one shape, low where it mixes several.
func (ms *Models) readerCertainty(ctx context.Context) ensemble.Metric {
	return ensemble.Metric{Name: "reader's certainty", Score: func(img *picture.Image) (float64, error) {
		looks, _, err := ms.ReadDigits(ctx, []*picture.Image{img})
		if err != nil {
			return 0, err
		}
		return looks[0].Quality, nil
	}}
}

// NoScore reports whether an error says that a metric has no score for what is
// no mistake: a preset may leave it out.
func NoScore(err error) bool {
	for _, none := range []error{metrics.ErrNoWeights, metrics.ErrTooSmall, metrics.ErrTooLarge, nrqm.ErrFlat} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}
