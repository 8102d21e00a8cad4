package digits

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Test digits whose samples agree and whose samples split, as training.json
// lists them.
const (
	clearDigit     = 0
	ambiguousDigit = 497
)

// open loads the embedded model once for all tests, on the backend a user
// would get.
var open = sync.OnceValues(func() (*Model, error) { return Open("") })

func embedded(t testing.TB) *Model {
	t.Helper()
	m, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func draw(t *testing.T, m *Model, lr *picture.Image, n int) []*picture.Image {
	t.Helper()
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	var images []*picture.Image
	for s, err := range m.Sample(context.Background(), lr, seeds) {
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, s.Image)
	}
	return images
}

func lowRes(t *testing.T, i int) *picture.Image {
	t.Helper()
	hr, _, err := TestDigit(i)
	if err != nil {
		t.Fatal(err)
	}
	lr, err := LR(hr)
	if err != nil {
		t.Fatal(err)
	}
	return lr
}

func TestReaderAccuracy(t *testing.T) {
	n := 2000
	if os.Getenv("TRUSTSR_LONG") != "" {
		n = TestCount
	}
	accuracy, err := embedded(t).readerAccuracy(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f %% of %d test digits", 100*accuracy, n)
	if accuracy < 0.98 {
		t.Errorf("the reader reads %.2f %% of %d test digits as labelled, want 98 %%", 100*accuracy, n)
	}
}

// The samples of one LR picture are all different; a reader agrees on those
// of a clear digit and splits on those of an ambiguous one.
func TestReadingsOfSamples(t *testing.T) {
	m := embedded(t)
	const n = 54
	counts := func(digit int) map[int]int {
		images := draw(t, m, lowRes(t, digit), n)
		hashes := map[string]bool{}
		for _, img := range images {
			hashes[img.Hash()] = true
		}
		if len(hashes) != n {
			t.Errorf("test digit %d: %d different pictures of %d", digit, len(hashes), n)
		}
		readings, err := m.Read(images)
		if err != nil {
			t.Fatal(err)
		}
		c := map[int]int{}
		for _, r := range readings {
			c[r.Digit]++
		}
		t.Logf("test digit %d is read as %v", digit, c)
		return c
	}
	if c := counts(clearDigit); c[7] < n-1 { // test digit 0 is a 7
		t.Errorf("a clear 7 is read as %v", c)
	}
	most := 0
	for _, k := range counts(ambiguousDigit) {
		most = max(most, k)
	}
	if most > n*8/10 {
		t.Errorf("an ambiguous digit is read one way in %d of %d samples", most, n)
	}
}

func TestSampleRefusesOtherSizes(t *testing.T) {
	for _, err := range embedded(t).Sample(context.Background(), picture.NewImage(6, 7), []uint64{1}) {
		if err == nil || hint.Of(err) == "" || !strings.Contains(err.Error(), "6×7") {
			t.Errorf("error %v, hint %q", err, hint.Of(err))
		}
	}
}

func TestSampleStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range embedded(t).Sample(ctx, lowRes(t, 0), []uint64{1, 2}) {
		if err == nil {
			t.Fatal("a sample after the context was cancelled")
		}
	}
}

func TestRecordFitsWeights(t *testing.T) {
	var r Record
	if err := json.Unmarshal(Training, &r); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"model.safetensors": modelWeights, "reader.safetensors": readerWeights} {
		if got := weights.SHA256(data); got != r.Weights[name] {
			t.Errorf("%s has SHA-256 %s, the training record says %s", name, got, r.Weights[name])
		}
	}
}

// What the record says was measured is good enough to teach with, and a part
// of it measured again agrees.
func TestRecordedQuality(t *testing.T) {
	var r Record
	if err := json.Unmarshal(Training, &r); err != nil {
		t.Fatal(err)
	}
	want := func(e *Evaluation, reconstruction float64, ambiguous int) {
		t.Helper()
		if e.ReaderAccuracy < 0.985 || e.ReconstructionPSNR < reconstruction || e.LRConsistency < 36 ||
			e.ReadAsTruth < 0.975 || e.CalibrationError > 0.02 || len(e.Ambiguous) < ambiguous {
			t.Errorf("%v\nambiguous: %v", e, e.Ambiguous)
		}
	}
	if r.Measured == nil || r.Measured.Digits < 1000 || r.Measured.Samples < 32 {
		t.Fatal("the record has no measurement of 1,000 digits with 32 samples each")
	}
	want(r.Measured, 26, 10)
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: nothing is measured again")
	}
	e, err := embedded(t).Evaluate(context.Background(), 40, 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(e)
	want(e, 25.5, 0) // none of the first 40 is in r.Measured.Ambiguous; TestReadingsOfSamples has one that is
}

func idx(axes byte, sizes []uint32, body int) []byte {
	b := []byte{0, 0, 8, axes}
	for _, s := range sizes {
		b = binary.BigEndian.AppendUint32(b, s)
	}
	return append(b, make([]byte, body)...)
}

func TestReadIDX(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(idx(3, []uint32{2, 28, 28}, 2*28*28))
	z.Close()
	for name, c := range map[string]struct {
		data []byte
		axes int
		ok   bool
	}{
		"plain":         {idx(1, []uint32{3}, 3), 1, true},
		"gzip":          {zipped.Bytes(), 3, true},
		"empty":         {nil, 1, false},
		"text":          {[]byte("not an idx file"), 1, false},
		"other axes":    {idx(1, []uint32{3}, 3), 3, false},
		"cut":           {idx(1, []uint32{3}, 2), 1, false},
		"too long":      {idx(1, []uint32{3}, 4), 1, false},
		"huge":          {idx(3, []uint32{1 << 31, 1 << 31, 1 << 31}, 0), 3, false},
		"size zero":     {idx(1, []uint32{0}, 0), 1, false},
		"gzip of a cut": {zipped.Bytes()[:zipped.Len()/2], 3, false},
	} {
		if _, _, err := readIDX(c.data, c.axes); (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx(1, []uint32{3}, 3), 1)
	f.Add(idx(3, []uint32{1, 2, 3}, 6), 3)
	f.Fuzz(func(t *testing.T, data []byte, axes int) {
		if axes < 0 || axes > 4 {
			return
		}
		shape, body, err := readIDX(data, axes)
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != len(body) {
			t.Errorf("shape %v with %d bytes", shape, len(body))
		}
	})
}

func TestFoldKeepsTheModel(t *testing.T) {
	c := Config()
	shapes, err := c.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	z := []float32{0.3, -0.2, 0.5}
	decode := func(dict weights.Dict, z []float32) (out []float64) {
		w, b := dict[ldm.FirstStageModule+".post_quant_conv.weight"], dict[ldm.FirstStageModule+".post_quant_conv.bias"]
		for o := range b.Data {
			v := float64(b.Data[o])
			for i, x := range z {
				v += float64(w.Data[o*3+i]) * float64(x)
			}
			out = append(out, v)
		}
		return out
	}
	dict := initial(shapes, 1)
	before := decode(dict, z)
	s := LatentScale{Mean: []float64{0.1, -0.4, 0.2}, Std: 0.5}
	fold(dict, s)
	for i := range z {
		z[i] = float32((float64(z[i]) - s.Mean[i]) / s.Std)
	}
	for i, v := range decode(dict, z) {
		if d := v - before[i]; d > 1e-6 || d < -1e-6 {
			t.Errorf("channel %d: %v after folding, %v before", i, v, before[i])
		}
	}
}
