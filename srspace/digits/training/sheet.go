package training

import (
	"bytes"
	"context"
	"image/png"
	"maps"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

// sheet writes samples.png of a UNet that is being trained. It is a look on
// the way, of few samples in few steps; where it fails training goes on.
func (t *trainer) sheet(ctx context.Context, step int, first, unet weights.Dict) {
	const samples, denoising = 8, 10
	dict := maps.Clone(first)
	maps.Copy(dict, unet)
	path := filepath.Join(t.Out, sheetFile)
	net, err := ldm.New(t.b, digits.Config(), dict)
	if err == nil {
		err = drawSheet(ctx, &ldm.Sampler{Model: net, Steps: denoising, Eta: 1, Batch: samples}, path, samples)
	}
	if err != nil {
		if ctx.Err() == nil {
			t.say("unet        no samples of step %d to look at: %v", step, err)
		}
		return
	}
	t.say("unet        samples of step %d: %s", step, path)
}

// drawSheet writes a picture of samples: a row for each of ten test digits, the
// digit first, then samples of its SR space.
func drawSheet(ctx context.Context, sampler *ldm.Sampler, path string, samples int) error {
	small := *sampler // batches are padded to their full size
	small.Batch, small.Workers = min(sampler.Batch, samples), 1
	var images []*picture.Image
	for _, i := range []int{0, 1, 4, 8, 18, 65, 92, 151, 247, 321} {
		hr, _, err := digits.TestDigit(i)
		if err != nil {
			return err
		}
		lr, err := digits.LR(hr)
		if err != nil {
			return err
		}
		images = append(images, hr)
		seeds := make([]uint64, samples)
		for j := range seeds {
			seeds[j] = uint64(j)
		}
		for s, err := range small.Sample(ctx, lr, seeds) {
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
