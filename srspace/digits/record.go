package digits

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// Files that training leaves in its folder.
const (
	modelFile  = "model.safetensors"
	readerFile = "reader.safetensors"
	recordFile = "training.json"
	sheetFile  = "samples.png"
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

// Measure evaluates the model that training left in folder, see
// [Model.Evaluate], writes the result into its training.json and a sheet of
// samples beside it. config is the GoMLX backend, "" chooses one.
func Measure(ctx context.Context, config, folder string, digits, samples int, progress func(done, total int)) (*Evaluation, error) {
	files := map[string][]byte{}
	for _, name := range []string{modelFile, readerFile, recordFile} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, srspace.WithHint(fmt.Errorf("measure a trained model: %w", err), "name the folder that train digits --out filled")
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
	m, err := load(config, files[modelFile], files[readerFile])
	if err != nil {
		return nil, err
	}
	if err := m.sheet(ctx, filepath.Join(folder, sheetFile)); err != nil {
		return nil, err
	}
	if record.Measured, err = m.Evaluate(ctx, digits, samples, progress); err != nil {
		return nil, err
	}
	return record.Measured, record.write(folder)
}

// String tells the figures in one line.
func (e *Evaluation) String() string {
	return fmt.Sprintf("reader %.2f %% of %d test digits; reconstruction %.2f dB; %d samples of each of %d digits: LR consistency %.2f dB, %.2f %% read as the truth, calibration error %.4f, %d digits of which no reading has over 80 %%",
		100*e.ReaderAccuracy, TestCount, e.ReconstructionPSNR, e.Samples, e.Digits, e.LRConsistency, 100*e.ReadAsTruth, e.CalibrationError, len(e.Ambiguous))
}
