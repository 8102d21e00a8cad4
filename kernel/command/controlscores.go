package command

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// maxDecibels stands for the infinitely many decibels of equal pictures, so
// that means and plots stay finite.
const maxDecibels = 100

// controlScores are what chosen ensembles and their controls are scored by,
// in one trial.
type controlScores struct {
	list   string         // presets and ids as metrics.Select takes them; "" for what is at hand
	lr, hr *picture.Image // nil where there is none
	first  *picture.Image // a sample, which every metric must be able to score
}

// metrics returns the metrics, and notes on those of a preset that have no
// score here. Without a list they are PSNR where there is an HR picture, LR
// consistency where there is an LR picture, and the reader's certainty where
// the samples are digits, which a list calls "reader". A metric named by its id that cannot score is an
// error.
func (s controlScores) metrics() (found []ensemble.Metric, notes []string, err error) {
	list := s.list
	if list == "" {
		var ids []string
		if s.hr != nil {
			ids = append(ids, metrics.PSNRMetric{}.Info().ID)
		}
		if s.lr != nil {
			ids = append(ids, metrics.LRPSNRMetric{}.Info().ID)
		}
		list = strings.Join(ids, ",")
	}
	reader := s.list == "" && isDigit(s.first)
	if s.named(readerID) {
		if !isDigit(s.first) {
			return nil, nil, fmt.Errorf("%s: the samples are %d×%d, the reader reads digits of 28×28 pixels only", readerID, s.first.Width, s.first.Height)
		}
		reader = true
		list = strings.Join(slices.DeleteFunc(strings.Split(list, ","), func(item string) bool { return strings.TrimSpace(item) == readerID }), ",")
	}
	if list != "" {
		scale := metrics.DefaultScale
		if s.lr != nil {
			scale = max(1, s.first.Width/s.lr.Width)
		}
		chosen, err := metrics.Select(list, scale)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range chosen {
			scored, err := s.metric(m)
			switch {
			case err == nil:
				found = append(found, scored)
			case s.named(m.Info().ID) || !noScore(err) && !errors.Is(err, errNoReference):
				return nil, nil, err
			default:
				notes = append(notes, err.Error())
			}
		}
	}
	if reader {
		found = append(found, readerCertainty)
	}
	return found, notes, nil
}

func (s controlScores) named(id string) bool {
	return slices.ContainsFunc(strings.Split(s.list, ","), func(item string) bool { return strings.TrimSpace(item) == id })
}

// errNoReference is what errors about a metric whose reference is missing
// wrap.
var errNoReference = errors.New("there is no such picture")

// metric is a metric with its reference worked out once, tried on a sample.
func (s controlScores) metric(m metrics.Metric) (ensemble.Metric, error) {
	info := m.Info()
	var ref *picture.Image
	switch info.Reference {
	case metrics.HR:
		ref = s.hr
	case metrics.LR:
		ref = s.lr
	}
	if ref == nil && info.Reference != metrics.None {
		advice := "name the truth, where it is known, with --hr, or as hr: of the study file's trial"
		if info.Reference == metrics.LR {
			advice = "put the LR picture as lr.png into the folder of the samples"
		}
		return ensemble.Metric{}, hint.With(fmt.Errorf("%s compares with an %s picture: %w", info.ID, info.Reference, errNoReference), advice)
	}
	score := func(img *picture.Image) (float64, error) { return m.Score(img, ref) }
	if p, ok := m.(metrics.Preparer); ok && ref != nil {
		var err error
		if score, err = p.Prepare(ref); err != nil {
			return ensemble.Metric{}, fmt.Errorf("prepare the reference: %w", err)
		}
	}
	if _, err := score(s.first); err != nil {
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

// readerID names readerCertainty in a list; it is no metric of the registry,
// because it knows digits only.
const readerID = "reader"

// readerCertainty is how surely the digit reader reads an ensemble, whatever
// it reads: high where the mean is one shape, low where it mixes several.
var readerCertainty = ensemble.Metric{Name: "reader's certainty", Score: func(img *picture.Image) (float64, error) {
	m, err := digitReader()
	if err != nil {
		return 0, err
	}
	read, err := m.Read([]*picture.Image{img})
	if err != nil {
		return 0, err
	}
	return read[0].Probability, nil
}}
