package training

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/trustsr/trustsr/srspace/digits"
)

// open loads the embedded model once for all tests, on the backend a user
// would get.
var open = sync.OnceValues(func() (*digits.Model, error) { return digits.Open("") })

func embedded(t testing.TB) *digits.Model {
	t.Helper()
	m, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReaderAccuracy(t *testing.T) {
	n := 2000
	if os.Getenv("TRUSTSR_LONG") != "" {
		n = digits.TestCount
	}
	accuracy, err := readerAccuracy(embedded(t), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f %% of %d test digits", 100*accuracy, n)
	if accuracy < 0.98 {
		t.Errorf("the reader reads %.2f %% of %d test digits as labelled, want 98 %%", 100*accuracy, n)
	}
}

// What the record says was measured is good enough to teach with, and a part
// of it measured again agrees.
func TestRecordedQuality(t *testing.T) {
	var r Record
	if err := json.Unmarshal(digits.Training, &r); err != nil {
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
	e, err := Evaluate(context.Background(), embedded(t), 40, 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(e)
	want(e, 25.5, 0) // none of the first 40 is in r.Measured.Ambiguous; TestReadingsOfSamples has one that is
}
