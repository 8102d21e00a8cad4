package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
)

// Files of a folder that the training program filled.
const (
	trainedModel  = "model.safetensors"
	trainedRecord = "training.json"
)

func trainNaturalCommand() *cobra.Command {
	var o app.QualityOptions
	var folder string
	var evaluate bool
	c := &cobra.Command{
		Use:   "natural",
		Short: "Measure the embedded model for photographs, which PyTorch trains",
		Long: `Measures the natural-image model and prints JSON: PSNR, LPIPS and LR consistency
of one sample, of a projected one, of the mean of all, of the first stage alone
and of bicubic enlargement, and how far samples of a picture lie apart. With
--out it measures the model in that folder and writes the figures into its
training.json.

The model is trained by srspace/natural/training/train.py; its README.md says how.`,
		Example: `  go run ./kernel train natural --evaluate --data pictures
  go run ./kernel train natural --evaluate --data pictures --set kodak --samples 15
  go run ./kernel train natural --evaluate --data pictures --out natural-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !evaluate {
				return hint.With(errors.New("the natural-image model is trained with PyTorch, not here"),
					"srspace/natural/training/README.md says how; --evaluate measures a model")
			}
			if o.Data == "" {
				return hint.With(errors.New("no --data"), fmt.Sprintf("name a folder that holds some of %v", app.QualitySets()))
			}
			return measureNatural(c, o, folder)
		},
	}
	f := c.Flags()
	f.BoolVar(&evaluate, "evaluate", false, "measure the embedded model, or the one in --out")
	f.StringVar(&o.Data, "data", "", "folder with test pictures: kodak/kodim01.png …, sr_test/Set5_x4/*_HR.png, sr_test/Set14_x4/*_HR.png, photos/")
	f.StringArrayVar(&o.Sets, "set", nil, "measure on this folder of --data alone, e.g. kodak; may be repeated")
	f.StringVar(&folder, "out", "", "folder with model.safetensors and training.json, as the training program leaves it")
	f.StringVar(&o.Sheets, "sheets", "", "folder for a row of pictures of each: LR, bicubic, HR, mean of all samples, four samples")
	f.StringVar(&o.Backend, "backend", "", "GoMLX backend, e.g. onnx:cpu; chosen by default")
	f.IntVar(&o.Samples, "samples", 15, "samples of each picture")
	return c
}

// measureNatural measures the model in folder, or with "" the embedded one.
func measureNatural(c *cobra.Command, o app.QualityOptions, folder string) error {
	var record map[string]json.RawMessage
	path := filepath.Join(folder, trainedRecord)
	if folder != "" {
		o.File = filepath.Join(folder, trainedModel)
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("measure a trained model: %w", err)
		}
		if err := json.Unmarshal(data, &record); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	var bar bar
	o.Progress = func(done, total int) {
		if bar == nil {
			bar = newBar("pictures", total)
		}
		bar.Set(done)
	}
	q, err := app.MeasureQuality(c.Context(), o)
	if err != nil {
		return err
	}
	out, err := json.MarshalIndent(q, "", "  ")
	if err != nil {
		return err
	}
	if folder != "" {
		record["measured"] = out
		all, err := json.MarshalIndent(record, "", "  ")
		if err != nil {
			return err
		}
		if err := atomicfile.Write(path, append(all, '\n')); err != nil {
			return fmt.Errorf("measure a trained model: %w", err)
		}
	}
	fmt.Fprintln(c.OutOrStdout(), string(out))
	return nil
}
