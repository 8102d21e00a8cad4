package training

import (
	"context"
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Evaluation is what was measured of a model on MNIST's test digits.
type Evaluation struct {
	ReaderAccuracy         float64 `json:"reader_accuracy"`                    // share of all 10,000 test digits
	ReconstructionPSNR     float64 `json:"reconstruction_psnr_db"`             // mean, first stage on the digits sampled below
	ReconstructionAccuracy float64 `json:"reader_accuracy_on_reconstructions"` // on the same
	Digits                 int     `json:"digits"`                             // test digits 0 … Digits-1
	Samples                int     `json:"samples_per_digit"`
	LRConsistency          float64 `json:"lr_psnr_db"`    // mean over samples, capped at 80 dB
	ReadAsTruth            float64 `json:"read_as_truth"` // share of samples
	// CalibrationError is over all readings that a digit's samples have: in 10
	// bins of the share of samples, how often that reading is the truth against
	// the mean share, weighted by their number. TopLabelError is the usual
	// expected calibration error: the same over the most frequent reading of
	// each digit alone (Guo et al., "On calibration of modern neural networks",
	// 2017). It is 0 in records from before it was measured.
	CalibrationError float64 `json:"calibration_error"`
	TopLabelError    float64 `json:"top_label_calibration_error,omitempty"`
	Ambiguous        []int   `json:"ambiguous_digits"` // of which no reading has over 80 % of the samples
}

// outcome is what the samples of one test digit gave.
type outcome struct {
	LRPSNR float64 // mean over its samples, in dB, each capped at 80
	Read   [10]int // samples read as each digit
}

// Evaluate draws samples of the first count test digits and measures them.
// progress may be nil.
func Evaluate(ctx context.Context, m *digits.Model, count, samples int, progress func(done, total int)) (*Evaluation, error) {
	outcomes, err := outcomesOf(ctx, m, count, samples, nil, func([]outcome) error { return nil }, progress)
	if err != nil {
		return nil, err
	}
	return evaluation(m, outcomes, samples)
}

// evaluation works out the figures of the outcomes of test digits 0, 1, ….
func evaluation(m *digits.Model, outcomes []outcome, samples int) (*Evaluation, error) {
	e := &Evaluation{Digits: len(outcomes), Samples: samples}
	var err error
	if e.ReaderAccuracy, err = readerAccuracy(m, digits.TestCount); err != nil {
		return nil, err
	}
	if err := reconstructions(m, e); err != nil {
		return nil, err
	}
	return e, e.sum(outcomes)
}

// outcomesOf continues after those of the first digits that are known, and
// hands all there are to keep after every digit.
func outcomesOf(ctx context.Context, m *digits.Model, count, samples int, known []outcome, keep func([]outcome) error, progress func(done, total int)) ([]outcome, error) {
	small := *m.Sampler // batches are padded to their full size
	small.Batch = max(1, min(m.Batch, (samples+m.Workers-1)/max(1, m.Workers)))
	for len(known) < count {
		o, err := outcomeOf(ctx, m, &small, len(known), samples)
		if err != nil {
			return nil, err
		}
		known = append(known, o)
		if err := keep(known); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(len(known), count)
		}
	}
	return known[:count], nil
}

// outcomeOf draws samples of test digit i and measures them.
func outcomeOf(ctx context.Context, m *digits.Model, sampler *ldm.Sampler, i, samples int) (o outcome, err error) {
	hr, _, err := digits.TestDigit(i)
	if err != nil {
		return o, err
	}
	lr, err := digits.LR(hr)
	if err != nil {
		return o, err
	}
	seeds := make([]uint64, samples)
	for j := range seeds {
		seeds[j] = uint64(j)
	}
	var images []*picture.Image
	for s, err := range sampler.Sample(ctx, lr, seeds) {
		if err != nil {
			return o, err
		}
		images = append(images, s.Image)
		down, err := imresize.Downscale(s.Image, digits.Scale)
		if err != nil {
			return o, err
		}
		o.LRPSNR += math.Min(80, psnr(down, lr)) / float64(samples)
	}
	readings, err := m.Read(images)
	for _, r := range readings {
		o.Read[r.Digit]++
	}
	return o, err
}

// sum adds what the samples of test digits 0, 1, … gave.
func (e *Evaluation) sum(outcomes []outcome) error {
	var all, top calibration
	n := float64(len(outcomes))
	for i, o := range outcomes {
		_, label, err := digits.TestDigit(i)
		if err != nil {
			return err
		}
		e.LRConsistency += o.LRPSNR / n
		e.ReadAsTruth += float64(o.Read[label]) / (n * float64(e.Samples))
		most, first := 0.0, 0
		for digit, read := range o.Read {
			share := float64(read) / float64(e.Samples)
			if share > most {
				most, first = share, digit
			}
			if read > 0 {
				all.add(share, digit == label)
			}
		}
		top.add(most, first == label)
		if most <= 0.8 {
			e.Ambiguous = append(e.Ambiguous, i)
		}
	}
	e.CalibrationError, e.TopLabelError = all.err(), top.err()
	return nil
}

// calibration compares shares with how often they are right, in 10 bins.
type calibration [10]struct{ n, share, right float64 }

func (c *calibration) add(share float64, right bool) {
	b := &c[min(9, int(share*10))]
	b.n++
	b.share += share
	if right {
		b.right++
	}
}

// err is the mean difference between share and truth over all that was added.
func (c *calibration) err() float64 {
	sum, n := 0.0, 0.0
	for _, b := range c {
		sum += math.Abs(b.share - b.right)
		n += b.n
	}
	return sum / n
}

// readerAccuracy is the share of the first n test digits read as labelled.
func readerAccuracy(m *digits.Model, n int) (float64, error) {
	images, labels := make([]*picture.Image, n), make([]int, n)
	for i := range images {
		var err error
		if images[i], labels[i], err = digits.TestDigit(i); err != nil {
			return 0, err
		}
	}
	readings, err := m.Read(images)
	if err != nil {
		return 0, err
	}
	return agreement(readings, labels), nil
}

func agreement(readings []digits.Reading, labels []int) float64 {
	right := 0
	for i, r := range readings {
		if r.Digit == labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(readings))
}

// reconstructions sends the test digits through the first stage.
func reconstructions(m *digits.Model, e *Evaluation) error {
	var images []*picture.Image
	var labels []int
	for i := range e.Digits {
		hr, label, err := digits.TestDigit(i)
		if err != nil {
			return err
		}
		x := &ldm.Tensor{Shape: []int{1, 1, digits.Side, digits.Side}, Data: make([]float32, digits.Side*digits.Side)}
		for p := range x.Data {
			x.Data[p] = 2*hr.Pix[3*p] - 1
		}
		z, err := m.Model.Encode(x, nil)
		if err != nil {
			return err
		}
		y, err := m.Model.Decode(z, nil, true)
		if err != nil {
			return err
		}
		img := picture.NewImage(digits.Side, digits.Side)
		for p, v := range y.Data {
			for k := range 3 {
				img.Pix[3*p+k] = (v + 1) / 2
			}
		}
		img = img.Quantized()
		e.ReconstructionPSNR += psnr(img, hr) / float64(e.Digits)
		images, labels = append(images, img), append(labels, label)
	}
	readings, err := m.Read(images)
	if err != nil {
		return fmt.Errorf("reconstructions: %w", err)
	}
	e.ReconstructionAccuracy = agreement(readings, labels)
	return nil
}

// psnr of two 8-bit pictures of one size, in dB; the public metric is in
// package metrics, which lies above this one.
func psnr(a, b *picture.Image) float64 {
	x, y := a.Bytes(), b.Bytes()
	sum := 0.0
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(x))/sum)
}
