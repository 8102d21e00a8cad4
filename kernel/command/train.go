package command

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/srspace/digits"
)

func trainCommand() *cobra.Command {
	train := &cobra.Command{Use: "train", Short: "Train a model", Args: cobra.NoArgs}
	o := digits.TrainOptions{CheckpointEvery: time.Minute, EvaluateDigits: 200}
	c := &cobra.Command{
		Use:   "digits",
		Short: "Train the embedded digit model on MNIST",
		Long: `Trains the digit reader, the first stage and the UNet, measures them on the
test digits, and writes model.safetensors, reader.safetensors, training.json
and samples.png. Ctrl-C stops at a checkpoint; the same command goes on from
there, and ends with the same weights.`,
		Example: `  go run ./kernel train digits --data ~/mnist --out digits-training
  go run ./kernel train digits --data ~/mnist --out long --unet-steps 20000 --backend xla:cuda`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Progress = os.Stderr
			return digits.Train(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Data, "data", "", "folder with MNIST's four IDX files, .gz or not (required)")
	f.StringVar(&o.Out, "out", "digits-training", "folder for checkpoints and results")
	f.StringVar(&o.Backend, "backend", "", "GoMLX backend, e.g. onnx:cpu; chosen by default")
	f.Uint64Var(&o.Seed, "seed", 1, "decides initial weights, batches and noise")
	f.IntVar(&o.ReaderSteps, "reader-steps", 1500, "training steps of the digit reader")
	f.IntVar(&o.FirstStageSteps, "first-stage-steps", 600, "training steps of the first stage")
	f.IntVar(&o.UNetSteps, "unet-steps", 1800, "training steps of the UNet")
	f.IntVar(&o.Batch, "batch", 128, "digits a step; half as many for the first stage")
	c.MarkFlagRequired("data")
	train.AddCommand(c)
	return train
}
