// Package training makes the weights of the digit model: it trains the reader,
// the first stage and the UNet on MNIST, measures them on the test digits and
// records how they came to be.
package training

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/digits/internal/mnist"
	"github.com/trustsr/trustsr/srspace/digits/internal/reader"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Options say how to train the digit model.
type Options struct {
	Data    string // folder with MNIST's training images and labels, two IDX files, .gz or not
	Out     string // folder for checkpoints and results
	Backend string // GoMLX configuration; "" chooses
	Seed    uint64 // decides initial weights, batches, noise

	ReaderSteps, FirstStageSteps    int // steps of each network
	DecoderSteps, UNetSteps         int
	Batch                           int // pictures a step; half as many for the first stage
	EvaluateDigits, EvaluateSamples int // test digits to measure in the end, samples of each; 0 measures nothing
	CheckpointEvery                 time.Duration
	SheetEvery                      time.Duration // how often samples.png is drawn anew while the UNet trains; 0: not before the end

	Progress io.Writer // lines for people
}

// LatentScale is the statistic by which latents are brought to mean 0 and
// standard deviation 1. It is folded into quant_conv, the codes and
// post_quant_conv, so that sampling needs no scale factor.
type LatentScale struct {
	Mean []float64 `json:"channel_mean"`
	Std  float64   `json:"standard_deviation"`
}

// trainer holds what the stages share.
type trainer struct {
	Options
	b      compute.Backend
	train  *mnist.Set
	record Record
}

// Train trains the reader, the first stage and the UNet, and writes
// model.safetensors, reader.safetensors and training.json to Out. It resumes
// from the checkpoints in Out; batches and noise depend on seed and step
// alone, so a resumed run equals an uninterrupted one.
func Train(ctx context.Context, options Options) error {
	b, err := backend.Open(options.Backend)
	if err != nil {
		return err
	}
	t := &trainer{Options: options, b: b}
	if err := os.MkdirAll(t.Out, 0o755); err != nil {
		return fmt.Errorf("train the digit model: %w", err)
	}
	t.record = Record{Created: time.Now().UTC().Format(time.RFC3339), Seed: t.Seed, Backend: backend.Of(b).Name,
		Go: runtime.Version(), Config: digits.Config(), Data: map[string]string{}, Weights: map[string]string{}}
	if err := t.read(); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	readerDict, err := t.stage(ctx, "reader", initial(reader.Tensors, t.Seed), t.ReaderSteps, 2e-3, readerLoss, t.readerBatch, nil, false, nil)
	if err != nil {
		return err
	}
	model, err := t.networks(ctx)
	if err != nil {
		return err
	}
	meta, err := json.Marshal(digits.Config())
	if err != nil {
		return err
	}
	for name, dict := range map[string]weights.Dict{modelFile: model, readerFile: readerDict} {
		data, err := weights.EncodeSafetensors(dict, "F16", map[string]string{"config": string(meta)})
		if err != nil {
			return err
		}
		if err := atomicfile.Write(filepath.Join(t.Out, name), data); err != nil {
			return err
		}
		t.record.Weights[name] = weights.SHA256(data)
	}
	t.record.keep(t.Out)
	if err := t.record.write(t.Out); err != nil || t.EvaluateDigits == 0 {
		return err
	}
	told := time.Now()
	e, err := Measure(ctx, options.Backend, t.Out, t.EvaluateDigits, t.EvaluateSamples, func(done, total int) {
		if time.Since(told) > 5*time.Second || done == total {
			told = time.Now()
			t.say("measuring   digit %d of %d", done, total)
		}
	})
	if err != nil {
		return fmt.Errorf("measure the model: %w", err)
	}
	t.say("%v", e)
	return nil
}

func (t *trainer) say(format string, args ...any) {
	if t.Progress != nil {
		fmt.Fprintf(t.Progress, format+"\n", args...)
	}
}

func (t *trainer) read() error {
	images, data, err := readFirst(t.Data, "train-images-idx3-ubyte")
	if err != nil {
		return err
	}
	labels, labelData, err := readFirst(t.Data, "train-labels-idx1-ubyte")
	if err != nil {
		return err
	}
	t.record.Data[filepath.Base(images)] = weights.SHA256(data)
	t.record.Data[filepath.Base(labels)] = weights.SHA256(labelData)
	if t.train, err = mnist.Parse(data, labelData); err != nil {
		return hint.With(fmt.Errorf("%s: %w", t.Data, err), "a file may be cut or another data set: fetch MNIST's training images and labels again")
	}
	t.say("%d digits to train on, backend %s", t.train.N, t.record.Backend)
	return nil
}

// check refuses numbers that training cannot be done with.
func (t *trainer) check() error {
	for _, c := range []struct {
		setting       string
		value, lo, hi int
	}{
		{"reader-steps", t.ReaderSteps, 1, math.MaxInt32},
		{"first-stage-steps", t.FirstStageSteps, 1, math.MaxInt32},
		{"decoder-steps", t.DecoderSteps, 0, math.MaxInt32},
		{"unet-steps", t.UNetSteps, 1, math.MaxInt32},
		{"batch", t.Batch, 1, t.train.N},
		{"digits", t.EvaluateDigits, 0, digits.TestCount},
		{"samples", t.EvaluateSamples, min(1, t.EvaluateDigits), math.MaxInt32},
	} {
		if c.value < c.lo || c.value > c.hi {
			allowed := fmt.Sprintf("use %d to %d", c.lo, c.hi)
			if c.hi == math.MaxInt32 {
				allowed = fmt.Sprintf("use %d or more", c.lo)
			}
			if c.setting == "batch" {
				allowed += ", the digits there are"
			}
			return hint.With(fmt.Errorf("train the digit model: %s is %d", c.setting, c.value), allowed)
		}
	}
	return nil
}

// Names of the stages that work on pictures of 28×28 pixels.
const (
	firstStage   = "first stage"
	decoderStage = "decoder"
)

// batchOf returns the pictures a step of a stage: half as many where they are
// of 28×28 pixels, not 7×7 or 14×14.
func (t *trainer) batchOf(stage string) int {
	if stage == firstStage || stage == decoderStage {
		return max(1, t.Batch/2)
	}
	return t.Batch
}

// networks trains the first stage, its decoder once more, then the UNet on
// its latents.
func (t *trainer) networks(ctx context.Context) (weights.Dict, error) {
	c := digits.Config()
	shapes, err := c.Tensors()
	if err != nil {
		return nil, err
	}
	unetShapes, firstShapes := map[string][]int{}, map[string][]int{}
	for name, shape := range shapes {
		if name[:len(ldm.UNetModule)] == ldm.UNetModule {
			unetShapes[name] = shape
		} else {
			firstShapes[name] = shape
		}
	}
	codes := &codebook{config: c.VQ, used: make([]int, c.VQ.NumEmbeddings)}
	first, err := t.stage(ctx, firstStage, initial(firstShapes, t.Seed), t.FirstStageSteps, 2e-3,
		firstStageLoss(c.VQ), t.firstStageBatch, codes, false, nil)
	if err != nil {
		return nil, err
	}
	// The UNet's untrained weights complete the model for encoding.
	unet := initial(unetShapes, t.Seed)
	whole := weights.Dict{}
	for _, part := range []weights.Dict{first, unet} {
		for name, tensor := range part {
			whole[name] = tensor
		}
	}
	latents, err := t.encode(whole)
	if err != nil {
		return nil, err
	}
	t.record.Latent = normalise(latents)
	t.say("latents: mean %.3f, standard deviation %.3f, brought to 0 and 1", t.record.Latent.Mean, t.record.Latent.Std)
	fold(whole, t.record.Latent)
	if err := t.refineDecoder(ctx, whole, latents); err != nil {
		return nil, err
	}
	lrs, err := t.lowRes()
	if err != nil {
		return nil, err
	}
	alphas := c.Schedule.AlphasCumprod()
	unet, err = t.stage(ctx, "unet", unet, t.UNetSteps, 1e-3, unetLoss(c.UNet), func(step int) ([]any, error) {
		return unetBatch(latents, lrs, picks(t.train.N, t.Batch, step, t.Seed+2), alphas, step, t.Seed), nil
	}, nil, true, func(step int, averaged weights.Dict) { t.sheet(ctx, step, whole, averaged) })
	if err != nil {
		return nil, err
	}
	for name, tensor := range unet {
		whole[name] = tensor
	}
	return whole, nil
}

// batchFunc makes the inputs of a step.
type batchFunc func(step int) ([]any, error)

// stage trains one network, or returns its weights if they are finished in
// Out, raw or averaged (EMA). codes is nil but for the first stage; show, if
// not nil, is given the weights so far every SheetEvery and at the end.
func (t *trainer) stage(ctx context.Context, name string, start weights.Dict, steps int, rate float64, loss lossFunc, batch batchFunc, codes *codebook, average bool, show func(step int, dict weights.Dict)) (weights.Dict, error) {
	opt, err := newOptimizer(t.b, start, rate, steps, loss)
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", name, err)
	}
	record := Stage{Name: name, Steps: steps, Batch: t.batchOf(name), Rate: rate}
	path := filepath.Join(t.Out, "checkpoint-"+strings.ReplaceAll(name, " ", "-")+".safetensors")
	state, err := t.resume(opt, path, record)
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", name, err)
	}
	if codes != nil && len(state.Used) == len(codes.used) {
		copy(codes.used, state.Used)
	}
	from, sum := state.Done, state.Sum
	record = state.Record
	began, before := time.Now(), record.Seconds
	saved, told, shown := time.Now(), time.Time{}, time.Now()
	for step := from; step < steps; step++ {
		inputs, err := batch(step)
		if err != nil {
			return nil, fmt.Errorf("train %s: %w", name, err)
		}
		value, more, err := opt.step(step, inputs...)
		if err != nil {
			return nil, fmt.Errorf("train %s: %w", name, err)
		}
		if codes != nil {
			if err := codes.reseed(opt, step, more); err != nil {
				return nil, fmt.Errorf("train %s: %w", name, err)
			}
		}
		sum += value
		if (step+1)%100 == 0 {
			record.Losses = append(record.Losses, math.Round(sum/100*1e5)/1e5)
			sum = 0
		}
		record.Seconds = before + time.Since(began).Seconds()
		done := step + 1
		if time.Since(told) > 5*time.Second || done == steps {
			told = time.Now()
			left := time.Duration(float64(time.Since(began)) / float64(done-from) * float64(steps-done))
			t.say("%-11s step %5d of %d  loss %.4f  %v left", name, done, steps, value, left.Round(time.Second))
		}
		stop := ctx.Err() != nil
		if time.Since(saved) > t.CheckpointEvery || done == steps || stop {
			state := progress{Done: done, Seed: t.Seed, Record: record, Sum: sum, Data: t.record.Data, Backend: t.record.Backend}
			if codes != nil {
				state.Used = codes.used
			}
			if err := t.checkpoint(opt, path, state); err != nil {
				return nil, err
			}
			saved = time.Now()
		}
		if stop {
			return nil, fmt.Errorf("train %s: stopped after step %d, resumes there: %w", name, done, context.Cause(ctx))
		}
		if show != nil && t.SheetEvery > 0 && (done == steps || time.Since(shown) > t.SheetEvery) {
			dict, err := opt.trained(average)
			if err != nil {
				return nil, err
			}
			show(done, dict)
			shown = time.Now()
		}
	}
	t.record.Stages = append(t.record.Stages, record)
	return opt.trained(average)
}

func (t *trainer) readerBatch(step int) ([]any, error) {
	index := picks(t.train.N, t.Batch, step, t.Seed)
	labels := make([]float32, 10*len(index))
	for i, k := range index {
		labels[10*i+int(t.train.Labels[k])] = 1
	}
	rng := rand.New(rand.NewPCG(t.Seed, uint64(step)))
	return []any{imageBatch(t.train, index, 1, rng), tensors.FromFlatDataAndDimensions(labels, len(index), 10)}, nil
}

func (t *trainer) firstStageBatch(step int) ([]any, error) {
	return []any{imageBatch(t.train, picks(t.train.N, t.batchOf(firstStage), step, t.Seed+1), 0, nil)}, nil
}

// encode returns the latents of all training digits, [n, 3, 7, 7], flat.
func (t *trainer) encode(whole weights.Dict) ([]float32, error) {
	m, err := ldm.New(t.b, digits.Config(), whole)
	if err != nil {
		return nil, err
	}
	const batch = 100
	out := make([]float32, 0, t.train.N*3*digits.LRSide*digits.LRSide)
	for from := 0; from < t.train.N; from += batch {
		index := make([]int, min(batch, t.train.N-from))
		for i := range index {
			index[i] = from + i
		}
		x := imageBatch(t.train, index, 0, nil)
		z, err := m.Encode(&ldm.Tensor{Shape: slices.Clone(x.Shape().Dimensions), Data: tensors.MustCopyFlatData[float32](x)}, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, z.Data...)
	}
	return out, nil
}

// lowRes returns the LR pictures of all training digits in [-1,1], flat.
func (t *trainer) lowRes() ([]float32, error) {
	out := make([]float32, 0, t.train.N*digits.LRSide*digits.LRSide)
	for i := range t.train.N {
		lr, _, _, err := imresize.U8(t.train.Image(i), digits.Side, digits.Side, 1, imresize.Options{Scale: 1.0 / digits.Scale})
		if err != nil {
			return nil, err
		}
		for _, v := range lr {
			out = append(out, float32(v)/127.5-1)
		}
	}
	return out, nil
}

// readFirst reads the first file that is there of the names MNIST goes by.
func readFirst(dir, name string) (path string, data []byte, err error) {
	for _, suffix := range []string{".gz", ""} {
		path = dir + "/" + name + suffix
		if data, err = os.ReadFile(path); err == nil {
			return path, data, nil
		}
	}
	return "", nil, hint.With(fmt.Errorf("%s/%s or %s.gz: %w", dir, name, name, err),
		"the folder of the data has to hold MNIST's training images and labels, train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz")
}
