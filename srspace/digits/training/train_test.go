package training

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/digits"
)

// A run that was stopped and resumed ends with the weights of one that was
// not: batches and noise depend on the step alone.
func TestTrainingResumes(t *testing.T) {
	data := fewDigits(t, 64)
	unetSteps := 3
	train := func(ctx context.Context, out string, progress *stopper) error {
		return Train(ctx, Options{Data: data, Out: out, Seed: 3, ReaderSteps: 9, FirstStageSteps: 3, DecoderSteps: 3, UNetSteps: unetSteps,
			Batch: 4, CheckpointEvery: time.Hour, Progress: progress})
	}
	whole, parts := t.TempDir(), t.TempDir()
	if err := train(context.Background(), whole, &stopper{}); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"reader", "first stage", "decoder", "unet"} {
		ctx, cancel := context.WithCancel(context.Background())
		if err := train(ctx, parts, &stopper{at: stage + " ", stop: cancel}); err == nil || !strings.Contains(err.Error(), stage+": stopped after step 1,") {
			t.Fatalf("run stopped in %s: %v", stage, err)
		}
	}
	if err := train(context.Background(), parts, &stopper{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reader.safetensors", "model.safetensors"} {
		a, _ := os.ReadFile(filepath.Join(whole, name))
		b, _ := os.ReadFile(filepath.Join(parts, name))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s differs between a straight and a resumed run", name)
		}
	}

	// A finished stage can be given more steps, and the record says so; not fewer.
	unetSteps = 5
	if err := train(context.Background(), parts, &stopper{}); err != nil {
		t.Fatal(err)
	}
	r := recordOf(t, parts)
	if last := r.Stages[len(r.Stages)-1]; last.Steps != 5 || !slices.Equal(last.LengthenedAt, []int{3}) {
		t.Errorf("a UNet of 3 steps, then 5: record %+v", last)
	}
	unetSteps = 4
	if err := train(context.Background(), parts, &stopper{}); err == nil || hint.Of(err) == "" {
		t.Errorf("fewer steps than were done: error %v", err)
	}

	// Nothing that the record says of the weights gets lost or untrue.
	unetSteps = 5
	r.Created, r.Measured = "once", &Evaluation{Digits: 7, Samples: 3}
	if err := r.write(parts); err != nil {
		t.Fatal(err)
	}
	if err := train(context.Background(), parts, &stopper{}); err != nil {
		t.Fatal(err)
	}
	if again := recordOf(t, parts); again.Created != "once" || again.Measured == nil || again.Measured.Digits != 7 {
		t.Errorf("the same weights again: created %q, measured %+v", again.Created, again.Measured)
	}
	before, err := os.ReadFile(filepath.Join(parts, recordFile))
	if err != nil {
		t.Fatal(err)
	}
	data = fewDigits(t, 65)
	if err := train(context.Background(), parts, &stopper{}); err == nil || !strings.Contains(err.Error(), "other data") || hint.Of(err) == "" {
		t.Errorf("a run on other data: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(parts, recordFile)); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the refused run changed the record: %v", err)
	}
}

// idx is the head of an IDX file of unsigned bytes.
func idx(axes byte, sizes ...uint32) []byte {
	b := []byte{0, 0, 8, axes}
	for _, s := range sizes {
		b = binary.BigEndian.AppendUint32(b, s)
	}
	return b
}

// fewDigits makes a folder of the first n test digits as if to train on.
func fewDigits(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	images := idx(3, uint32(n), digits.Side, digits.Side)
	labels := idx(1, uint32(n))
	for i := range n {
		hr, label, err := digits.TestDigit(i)
		if err != nil {
			t.Fatal(err)
		}
		for p, v := range hr.Bytes() {
			if p%3 == 0 {
				images = append(images, v)
			}
		}
		labels = append(labels, byte(label))
	}
	for name, b := range map[string][]byte{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func recordOf(t *testing.T, folder string) (r Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, recordFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Numbers that cannot be trained with are refused before anything is.
func TestTrainRefuses(t *testing.T) {
	data := fewDigits(t, 8)
	fits := Options{Data: data, Seed: 3, ReaderSteps: 1, FirstStageSteps: 1, DecoderSteps: 1, UNetSteps: 1, Batch: 4, EvaluateDigits: 1, EvaluateSamples: 1}
	for word, change := range map[string]func(o *Options){
		"batch is 0":              func(o *Options) { o.Batch = 0 },
		"batch is -3":             func(o *Options) { o.Batch = -3 },
		"batch is 9":              func(o *Options) { o.Batch = 9 }, // of 8 digits
		"reader-steps is -1":      func(o *Options) { o.ReaderSteps = -1 },
		"reader-steps is 0":       func(o *Options) { o.ReaderSteps = 0 },
		"first-stage-steps is -1": func(o *Options) { o.FirstStageSteps = -1 },
		"decoder-steps is -1":     func(o *Options) { o.DecoderSteps = -1 },
		"unet-steps is 0":         func(o *Options) { o.UNetSteps = 0 },
		"digits is 10001":         func(o *Options) { o.EvaluateDigits = digits.TestCount + 1 },
		"digits is -1":            func(o *Options) { o.EvaluateDigits = -1 },
		"samples is 0":            func(o *Options) { o.EvaluateSamples = 0 },
		"train-images-idx3-ubyte": func(o *Options) { o.Data = t.TempDir() },
	} {
		o := fits
		o.Out = t.TempDir()
		change(&o)
		if err := Train(context.Background(), o); err == nil || !strings.Contains(err.Error(), word) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", word, err, hint.Of(err))
		}
		if left, _ := os.ReadDir(o.Out); len(left) > 0 {
			t.Errorf("%s: %s was made", word, left[0].Name())
		}
	}
}

// While the UNet trains there are samples to look at, of the weights as they
// are then, and a line says where.
func TestTrainingShowsSamples(t *testing.T) {
	out := t.TempDir()
	var said bytes.Buffer
	err := Train(context.Background(), Options{Data: fewDigits(t, 8), Out: out, Seed: 3, ReaderSteps: 1, FirstStageSteps: 1, UNetSteps: 2, Batch: 4,
		CheckpointEvery: time.Hour, SheetEvery: time.Nanosecond, Progress: &said})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(out, sheetFile)
	for _, step := range []string{"1", "2"} {
		if line := "unet        samples of step " + step + ": " + path + "\n"; !strings.Contains(said.String(), line) {
			t.Errorf("no line %q in\n%s", line, &said)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 9*digits.Side || img.Bounds().Dy() < 10*digits.Side {
		t.Errorf("the picture of samples: %v, %v", img, err)
	}
}

// A stopped measurement goes on where it was, and ends as one that was not.
func TestMeasuringResumes(t *testing.T) {
	m := embedded(t)
	path := filepath.Join(t.TempDir(), measuringFile)
	of := measuring{Weights: map[string]string{modelFile: "a"}, Recipe: m.Recipe(), Samples: 2}
	ctx, cancel := context.WithCancel(context.Background())
	keep := func(all []outcome) error {
		of.Outcomes = all
		return of.write(path)
	}
	if _, err := outcomesOf(ctx, m, 3, 2, of.resume(path), keep, func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}); err == nil {
		t.Fatal("measured all although it was stopped")
	}
	drawn := 0
	got, err := outcomesOf(context.Background(), m, 3, 2, of.resume(path), keep, func(int, int) { drawn++ })
	if err != nil {
		t.Fatal(err)
	}
	if drawn != 1 {
		t.Errorf("%d digits were measured again, want the last one", drawn)
	}
	want, err := outcomesOf(context.Background(), m, 3, 2, nil, func([]outcome) error { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("resumed %+v, straight %+v", got, want)
	}
	for name, other := range map[string]measuring{
		"other weights":   {Weights: map[string]string{modelFile: "b"}, Recipe: of.Recipe, Samples: 2},
		"another recipe":  {Weights: of.Weights, Samples: 2},
		"another samples": {Weights: of.Weights, Recipe: of.Recipe, Samples: 3},
	} {
		if known := other.resume(path); known != nil {
			t.Errorf("%s: goes on from %+v", name, known)
		}
	}
}

// A checkpoint keeps all that a stage needs to go on inside a hundred of
// steps and between two re-seedings of codes.
func TestCheckpointKeepsProgress(t *testing.T) {
	b, err := backend.Open("go:parallelism=-1")
	if err != nil {
		t.Fatal(err)
	}
	dict := weights.Dict{"a.weight": &weights.Tensor{Shape: []int{1, 2}, Data: []float32{3, 4}}}
	opt, err := newOptimizer(b, dict, 1, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trainer{Options: Options{Seed: 5}, record: Record{Data: map[string]string{"images": "0123456789abcdef"}, Backend: "go"}}
	want := progress{Done: 137, Seed: 5, Record: Stage{Name: "x", Steps: 300, Batch: 4, Losses: []float64{0.5}}, Sum: 1.0 / 3, Used: []int{0, 2, 1},
		Data: tr.record.Data, Backend: "go"}
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := tr.checkpoint(opt, path, want); err != nil {
		t.Fatal(err)
	}
	got, err := tr.resume(opt, path, Stage{Name: "x", Steps: 300, Batch: 4})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("resumed with %+v, %v, want %+v", got, err, want)
	}
	if _, err := tr.resume(opt, path, Stage{Name: "x", Steps: 301, Batch: 4}); err == nil || hint.Of(err) == "" {
		t.Errorf("resumed a run of other settings: %v", err)
	}
	for word, record := range map[string]Record{
		"images of SHA-256 0123456789ab": {Data: map[string]string{"images": "f"}, Backend: "go"},
		`on backend "go", not "onnx"`:    {Data: tr.record.Data, Backend: "onnx"},
	} {
		other := &trainer{Options: tr.Options, record: record}
		if _, err := other.resume(opt, path, Stage{Name: "x", Steps: 300, Batch: 4}); err == nil || !strings.Contains(err.Error(), word) || hint.Of(err) == "" {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// stopper stops a run at the first progress line that begins with at.
type stopper struct {
	at   string
	stop func()
}

func (s *stopper) Write(line []byte) (int, error) {
	if s.stop != nil && strings.HasPrefix(string(line), s.at) {
		s.stop()
	}
	return len(line), nil
}
