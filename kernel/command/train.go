package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/digits/training"
)

func trainCommand() *cobra.Command {
	train := &cobra.Command{Use: "train", Short: "Train a model", Args: cobra.NoArgs}
	o := training.Options{CheckpointEvery: time.Minute, SheetEvery: 2 * time.Minute}
	var evaluate bool
	c := &cobra.Command{
		Use:   "digits",
		Short: "Train the embedded digit model on MNIST",
		Long: `Trains the digit reader, the first stage and the UNet, measures them on the
test digits, and writes model.safetensors, reader.safetensors, training.json
and samples.png, which is there to look at, drawn anew every two minutes, while
the UNet trains. Ctrl-C stops at a checkpoint; the same command goes on from
there, and ends with the same weights. A finished stage can be given more steps;
the record tells. On two cores, all by default takes about two hours.

The data are MNIST's training images and labels, train-images-idx3-ubyte.gz and
train-labels-idx1-ubyte.gz (11 MB), for example from
https://storage.googleapis.com/cvdf-datasets/mnist/ or
https://ossci-datasets.s3.amazonaws.com/mnist/. The test digits ship.`,
		Example: `  go run ./kernel train digits --data ~/mnist --out digits-training
  go run ./kernel train digits --data ~/mnist --out long --first-stage-steps 5000 --unet-steps 20000
  go run ./kernel train digits --evaluate --digits 100                   # the embedded model
  go run ./kernel train digits --evaluate --out digits-training          # that one, into its training.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if evaluate {
				folder := ""
				if c.Flags().Changed("out") {
					folder = o.Out
				}
				return evaluateDigits(c, o, folder)
			}
			if o.Data == "" {
				return hint.With(errors.New("no --data"), "name the folder that holds MNIST's training images and labels; --help says where to get them")
			}
			o.Progress = os.Stderr
			return training.Train(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Data, "data", "", "folder with MNIST's training images and labels, two IDX files, .gz or not (required to train)")
	f.StringVar(&o.Out, "out", "digits-training", "folder for checkpoints and results")
	f.StringVar(&o.Backend, "backend", "", "where graphs run, e.g. onnx:cpu or xla:cpu; chosen by default")
	f.Uint64Var(&o.Seed, "seed", 1, "decides initial weights, batches and noise")
	f.IntVar(&o.ReaderSteps, "reader-steps", 2600, "training steps of the digit reader")
	f.IntVar(&o.FirstStageSteps, "first-stage-steps", 2800, "training steps of the first stage")
	f.IntVar(&o.DecoderSteps, "decoder-steps", 800, "further steps of the first stage's decoder, on squared error")
	f.IntVar(&o.UNetSteps, "unet-steps", 3000, "training steps of the UNet")
	f.IntVar(&o.Batch, "batch", 64, "digits a step; half as many for the first stage")
	f.BoolVar(&evaluate, "evaluate", false, "train nothing: measure the embedded model, or the one in --out, and print JSON")
	f.IntVar(&o.EvaluateDigits, "digits", 1000, "test digits to measure on; 0 measures nothing after training")
	f.IntVar(&o.EvaluateSamples, "samples", 32, "samples of each digit to measure")
	train.AddCommand(c, trainNaturalCommand())
	return train
}

// evaluateDigits measures the model in folder, or with "" the embedded one.
func evaluateDigits(c *cobra.Command, o training.Options, folder string) error {
	n, samples := o.EvaluateDigits, o.EvaluateSamples
	if n < 1 || n > digits.TestCount || samples < 1 {
		return fmt.Errorf("cannot measure %d digits with %d samples each; there are %d test digits", n, samples, digits.TestCount)
	}
	bar := newBar("digits", n)
	progress := func(done, _ int) { bar.Set(done) }
	var e *training.Evaluation
	var err error
	if folder != "" {
		e, err = training.Measure(c.Context(), o.Backend, folder, n, samples, progress)
	} else {
		var m *digits.Model
		if m, err = digits.Open(o.Backend); err == nil {
			e, err = training.Evaluate(c.Context(), m, n, samples, progress)
		}
	}
	if err != nil {
		return err
	}
	out, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), string(out))
	return nil
}
