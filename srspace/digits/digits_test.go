package digits

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
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
	var r struct {
		Weights map[string]string `json:"weights_sha256"`
	}
	if err := json.Unmarshal(Training, &r); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"model.safetensors": modelWeights, "reader.safetensors": readerWeights} {
		if got := weights.SHA256(data); got != r.Weights[name] {
			t.Errorf("%s has SHA-256 %s, the training record says %s", name, got, r.Weights[name])
		}
	}
}
