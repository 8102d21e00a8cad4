package digits

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/plane"
)

// Evaluation is what was measured of a model on MNIST's test digits.
type Evaluation struct {
	ReaderAccuracy         float64 `json:"reader_accuracy"`                    // share of all 10,000 test digits
	ReconstructionPSNR     float64 `json:"reconstruction_psnr_db"`             // mean, first stage on the digits sampled below
	ReconstructionAccuracy float64 `json:"reader_accuracy_on_reconstructions"` // on the same
	Digits                 int     `json:"digits"`                             // test digits 0 … Digits-1
	Samples                int     `json:"samples_per_digit"`
	LRConsistency          float64 `json:"lr_psnr_db"`        // mean over samples, capped at 80 dB
	ReadAsTruth            float64 `json:"read_as_truth"`     // share of samples
	CalibrationError       float64 `json:"calibration_error"` // share of samples of a reading against its truth, 10 bins
	Ambiguous              []int   `json:"ambiguous_digits"`  // of which no reading has over 80 % of the samples
}

// Evaluate draws samples of the first test digits and measures them.
// progress may be nil.
func (m *Model) Evaluate(ctx context.Context, digits, samples int, progress func(done, total int)) (*Evaluation, error) {
	e := &Evaluation{Digits: digits, Samples: samples}
	small := *m.Sampler // batches are padded to their full size
	small.Batch = max(1, min(m.Batch, (samples+m.Workers-1)/max(1, m.Workers)))
	var err error
	if e.ReaderAccuracy, err = m.readerAccuracy(TestCount); err != nil {
		return nil, err
	}
	if err := m.reconstructions(e); err != nil {
		return nil, err
	}
	seeds := make([]uint64, samples)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	var bins [10]struct{ n, share, right float64 }
	for i := range digits {
		hr, label, err := TestDigit(i)
		if err != nil {
			return nil, err
		}
		lr, err := LR(hr)
		if err != nil {
			return nil, err
		}
		var images []*srspace.Image
		for s, err := range small.Sample(ctx, lr, seeds) {
			if err != nil {
				return nil, err
			}
			images = append(images, s.Image)
			down, err := imresize.Downscale(s.Image, scale)
			if err != nil {
				return nil, err
			}
			e.LRConsistency += math.Min(80, psnr(down, lr)) / float64(digits*samples)
		}
		readings, err := m.Read(images)
		if err != nil {
			return nil, err
		}
		var count [10]float64
		for _, r := range readings {
			count[r.Digit]++
		}
		e.ReadAsTruth += count[label] / float64(digits*samples)
		most := 0.0
		for digit, n := range count {
			share := n / float64(samples)
			most = max(most, share)
			if n > 0 {
				b := &bins[min(9, int(share*10))]
				b.n++
				b.share += share
				if digit == label {
					b.right++
				}
			}
		}
		if most <= 0.8 {
			e.Ambiguous = append(e.Ambiguous, i)
		}
		if progress != nil {
			progress(i+1, digits)
		}
	}
	total := 0.0
	for _, b := range bins {
		e.CalibrationError += math.Abs(b.share - b.right)
		total += b.n
	}
	e.CalibrationError /= total
	return e, nil
}

// readerAccuracy is the share of the first n test digits read as labelled.
func (m *Model) readerAccuracy(n int) (float64, error) {
	images, labels := make([]*srspace.Image, n), make([]int, n)
	for i := range images {
		var err error
		if images[i], labels[i], err = TestDigit(i); err != nil {
			return 0, err
		}
	}
	readings, err := m.Read(images)
	if err != nil {
		return 0, err
	}
	return agreement(readings, labels), nil
}

func agreement(readings []Reading, labels []int) float64 {
	right := 0
	for i, r := range readings {
		if r.Digit == labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(readings))
}

// reconstructions sends the test digits through the first stage.
func (m *Model) reconstructions(e *Evaluation) error {
	var images []*srspace.Image
	var labels []int
	for i := range e.Digits {
		hr, label, err := TestDigit(i)
		if err != nil {
			return err
		}
		x := &ldm.Tensor{Shape: []int{1, 1, side, side}, Data: make([]float32, side*side)}
		for p := range x.Data {
			x.Data[p] = 2*hr.Pix[3*p] - 1
		}
		z, err := m.Model.Encode(x)
		if err != nil {
			return err
		}
		y, err := m.Model.Decode(z, true)
		if err != nil {
			return err
		}
		img := srspace.NewImage(side, side)
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
func psnr(a, b *srspace.Image) float64 {
	x, y := a.Bytes(), b.Bytes()
	sum := 0.0
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(x))/sum)
}

// sheet writes a picture of samples: a row for each of ten test digits, the
// digit first, then 16 samples of its SR space.
func (m *Model) sheet(ctx context.Context, path string) error {
	const samples = 16
	var images []*srspace.Image
	for _, i := range []int{0, 1, 4, 8, 18, 65, 92, 151, 247, 321} {
		hr, _, err := TestDigit(i)
		if err != nil {
			return err
		}
		lr, err := LR(hr)
		if err != nil {
			return err
		}
		images = append(images, hr)
		seeds := make([]uint64, samples)
		for j := range seeds {
			seeds[j] = uint64(j)
		}
		for s, err := range m.Sample(ctx, lr, seeds) {
			if err != nil {
				return err
			}
			images = append(images, s.Image)
		}
	}
	wall, err := plane.Wall(images, samples+1, 2)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := png.Encode(&file, wall); err != nil {
		return err
	}
	return atomicfile.Write(path, file.Bytes())
}
