// Package metrics scores super-resolved images: fidelity to the HR image
// where there is one ([PSNR], [LPIPS]), to the LR image alone ([LRPSNR]), or
// how the image looks by itself ([NRQM]).
//
// The same name means different numbers in different toolkits: a choice of
// colour, border or rounding moves PSNR by 2 dB. So a [Metric] is a value
// whose [Info] carries an id that spells the convention out, as in
// "psnr/rgb/crop0", and scores under different ids are never comparable.
//
// All metrics read what a viewer sees: the 8-bit pixels of an image
// ([picture.Image.Bytes]). [ScoreAll] scores many samples against one reference
// on all cores and works the reference out once. [SetBackend] chooses where
// networks run.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trustsr/trustsr/internal/parallel"
	"github.com/trustsr/trustsr/srspace/picture"
)

var (
	// ErrSize is what errors about images of sizes that do not belong
	// together wrap.
	ErrSize = errors.New("sizes do not match")

	// ErrTooSmall is what errors about images below a metric's MinSide wrap.
	ErrTooSmall = errors.New("image too small for the metric")

	// ErrTooLarge is what errors about images above [MaxPixels] wrap.
	ErrTooLarge = errors.New("image too large for the metric")
	// ErrUnknown is what errors about an id that no metric has wrap.
	ErrUnknown = errors.New("unknown metric")
)

// Direction says which scores are better.
type Direction int

const (
	HigherIsBetter Direction = iota
	LowerIsBetter
)

// Arrow returns "↑" or "↓", as tables in papers mark a column.
func (d Direction) Arrow() string {
	if d == LowerIsBetter {
		return "↓"
	}
	return "↑"
}

// String returns "higher" or "lower".
func (d Direction) String() string {
	if d == LowerIsBetter {
		return "lower"
	}
	return "higher"
}

// Better reports whether score a is better than score b.
func (d Direction) Better(a, b float64) bool {
	if d == LowerIsBetter {
		return a < b
	}
	return a > b
}

// Reference says what image a metric compares with.
type Reference int

const (
	HR   Reference = iota // the ground truth, of the size of the scored image
	LR                    // the low-resolution image the scored one was made from
	None                  // nothing: the reference given is not looked at
)

func (r Reference) String() string {
	switch r {
	case LR:
		return "LR"
	case None:
		return "none"
	}
	return "HR"
}

// Info is the passport of a metric's scores.
type Info struct {
	ID        string // with its convention, e.g. "psnr/rgb/crop0"
	Name      string // for an axis or a column, e.g. "PSNR"
	Unit      string // e.g. "dB", "" where there is none
	Direction Direction
	Reference Reference
	MinSide   int    // shortest side in pixels that has a score
	Factor    int    // of super-resolution, where it belongs to the scores and the id leaves it open; else 0
	Weights   string // SHA-256 of the network's weights, "" without a network
}

// Label returns name, unit and direction, e.g. "PSNR (dB) ↑".
func (i Info) Label() string {
	s := i.Name
	if i.Unit != "" {
		s += " (" + i.Unit + ")"
	}
	return s + " " + i.Direction.Arrow()
}

// A Metric scores one image against a reference. Methods are safe for
// concurrent use and change neither image.
type Metric interface {
	Info() Info

	// Score returns the score of image against ref, the HR or LR image as
	// Info().Reference says. It may be infinite, never NaN. Errors wrap
	// ErrSize, ErrTooSmall, ErrTooLarge, ErrChannels, ErrNotFinite or
	// ErrNoWeights; what is wrong with the images comes before what weights
	// are missing.
	Score(image, ref *picture.Image) (float64, error)
}

// A Preparer is a Metric that can do the work on the reference once for
// many images. The function returned is safe for concurrent use.
type Preparer interface {
	Metric
	Prepare(ref *picture.Image) (func(image *picture.Image) (float64, error), error)
}

// A Mapper is a Metric that can say where in the picture its score comes
// from.
type Mapper interface {
	Metric

	// Map returns the metric at every position of image, of the size of image
	// or somewhat smaller where a window must fit. Its mean is the score only
	// where the metric says so. Errors are those of Score.
	Map(image, ref *picture.Image) (*Map, error)
}

// ScoreAll returns the score of every image against ref, in the order of
// images, using all cores. It stops at the first error, an [ImageError] if it
// is about one of the images, and when ctx is cancelled. ref may be nil for metrics
// that compare with [None].
func ScoreAll(ctx context.Context, m Metric, images []*picture.Image, ref *picture.Image) ([]float64, error) {
	scores := make([]float64, len(images))
	err := scoreEach(ctx, m, images, ref, func(i int, score float64) error {
		scores[i] = score
		return nil
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// ImageError is what is wrong with one of several images.
type ImageError struct {
	Index int
	Err   error
}

// Error returns the message of Err after the index.
func (e *ImageError) Error() string { return fmt.Sprintf("image %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e *ImageError) Unwrap() error { return e.Err }

// scoreEach calls done with the score of each image as it is known, from one
// goroutine at a time. It stops as ScoreAll does, and at an error of done.
func scoreEach(ctx context.Context, m Metric, images []*picture.Image, ref *picture.Image, done func(i int, score float64) error) error {
	if len(images) == 0 {
		return nil
	}
	info := m.Info()
	for i, image := range images {
		err := Check(image)
		if err == nil && info.Reference == HR {
			if err = sameSides(image, ref); err != nil {
				err = fmt.Errorf("%s: %w", info.ID, err)
			}
		}
		if err != nil {
			return &ImageError{i, err}
		}
	}
	score := func(image *picture.Image) (float64, error) { return m.Score(image, ref) }
	if p, ok := m.(Preparer); ok && len(images) > 1 {
		if err := Check(ref); err != nil {
			return fmt.Errorf("%s: reference: %w", info.ID, err)
		}
		var err error
		if score, err = p.Prepare(ref); err != nil {
			return err
		}
	}
	var reporting sync.Mutex
	return parallel.Each(ctx, len(images), 0, func(i int) error {
		value, err := score(images[i])
		if err == nil {
			reporting.Lock()
			err = done(i, value)
			reporting.Unlock()
		}
		if err != nil {
			return &ImageError{i, err}
		}
		return nil
	})
}
