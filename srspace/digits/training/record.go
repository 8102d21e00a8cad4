package training

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Files that training leaves in its folder.
const (
	modelFile  = "model.safetensors"
	readerFile = "reader.safetensors"
	recordFile = "training.json"
	sheetFile  = "samples.png"

	measuringFile = "checkpoint-measuring.json" // outcomes so far, until all are there
)

// Stage is the record of one trained network.
type Stage struct {
	Name    string    `json:"name"`
	Steps   int       `json:"steps"`
	Batch   int       `json:"batch"`
	Rate    float64   `json:"peak_learning_rate"`
	Seconds float64   `json:"wall_seconds"`
	Losses  []float64 `json:"mean_loss_of_each_100_steps"`

	// LengthenedAt are the steps at which a finished schedule was made longer
	// and went on: the learning rate jumped back up to the longer schedule's,
	// and what earlier stages feed this one may have changed.
	LengthenedAt []int `json:"lengthened_at,omitempty"`
}

// Record tells how a set of weights came to be. It is stored beside them.
type Record struct {
	Created  string            `json:"created"`
	Data     map[string]string `json:"data_sha256"`
	Seed     uint64            `json:"seed"`
	Backend  string            `json:"backend"`
	Go       string            `json:"go"`
	Config   ldm.Config        `json:"config"`
	Stages   []Stage           `json:"stages"`
	Latent   LatentScale       `json:"latent_before_scaling"`
	Weights  map[string]string `json:"weights_sha256"`
	Measured *Evaluation       `json:"measured,omitempty"`
}

func (r *Record) write(folder string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(folder, recordFile), append(data, '\n'))
}

// keep takes over from the record in folder what is true of the same weights:
// when they were made and what was measured of them.
func (r *Record) keep(folder string) {
	var before Record
	data, err := os.ReadFile(filepath.Join(folder, recordFile))
	if err != nil || json.Unmarshal(data, &before) != nil || !maps.Equal(before.Weights, r.Weights) {
		return
	}
	r.Created, r.Measured = before.Created, before.Measured
}

// Measure evaluates the model that training left in folder, see
// [Evaluate], writes the result into its training.json and a sheet of
// samples beside it. What was stopped continues where it was. config is the
// GoMLX backend, "" chooses one.
func Measure(ctx context.Context, config, folder string, count, samples int, progress func(done, total int)) (*Evaluation, error) {
	files := map[string][]byte{}
	for _, name := range []string{modelFile, readerFile, recordFile} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, hint.With(fmt.Errorf("measure a trained model: %w", err), "name the folder that training filled")
		}
		files[name] = data
	}
	var record Record
	if err := json.Unmarshal(files[recordFile], &record); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(folder, recordFile), err)
	}
	for name, want := range record.Weights {
		if got := weights.SHA256(files[name]); got != want {
			return nil, fmt.Errorf("%s has SHA-256 %s, not the %s of its record", filepath.Join(folder, name), got, want)
		}
	}
	m, err := digits.Load(config, files[modelFile], files[readerFile])
	if err != nil {
		return nil, err
	}
	if err := drawSheet(ctx, m.Sampler, filepath.Join(folder, sheetFile), 16); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, measuringFile)
	of := measuring{Weights: record.Weights, Recipe: m.Recipe(), Samples: samples}
	kept := time.Now()
	of.Outcomes, err = outcomesOf(ctx, m, count, samples, of.resume(path), func(all []outcome) error {
		if time.Since(kept) < 5*time.Second && len(all) < count {
			return nil
		}
		kept, of.Outcomes = time.Now(), all
		return of.write(path)
	}, progress)
	if err != nil {
		return nil, err
	}
	if record.Measured, err = evaluation(m, of.Outcomes, samples); err != nil {
		return nil, err
	}
	if err := record.write(folder); err != nil {
		return nil, err
	}
	return record.Measured, os.Remove(path)
}

// measuring is what a stopped measurement leaves: outcomes, and what decides
// them.
type measuring struct {
	Weights  map[string]string
	Recipe   srspace.Recipe
	Samples  int // of each digit
	Outcomes []outcome
}

// resume returns the outcomes at path if they are of the same weights, recipe
// and samples.
func (m measuring) resume(path string) []outcome {
	var before measuring
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &before) != nil ||
		!maps.Equal(before.Weights, m.Weights) || before.Recipe != m.Recipe || before.Samples != m.Samples {
		return nil
	}
	return before.Outcomes
}

func (m measuring) write(path string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data)
}

// String tells the figures in one line.
func (e *Evaluation) String() string {
	return fmt.Sprintf("reader %.2f %% of %d test digits; reconstruction %.2f dB; %d samples of each of %d digits: LR consistency %.2f dB, %.2f %% read as the truth, calibration error %.4f over all readings and %.4f over the most frequent ones, %d digits of which no reading has over 80 %%",
		100*e.ReaderAccuracy, digits.TestCount, e.ReconstructionPSNR, e.Samples, e.Digits, e.LRConsistency, 100*e.ReadAsTruth, e.CalibrationError, e.TopLabelError, len(e.Ambiguous))
}
