package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/kernel/bench"
)

// A warm cell that asks the engine takes at most twice as long as one that
// prints: what cells import stays thin.
func TestCellsAreFast(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: cells are not timed")
	}
	trustsr, root := binary(t)
	const tries = 6 // the two are timed one after the other, and the machine may be busier in one
	for try := 1; ; try++ {
		file := filepath.Join(t.TempDir(), "cells.json")
		run := exec.Command(trustsr, "bench", "--only", "cells", "--backend", "go", "--repeat", "7", "--json", file)
		run.Dir = root
		stateOf(run, t.TempDir())
		if text, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		report, err := bench.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		median := map[string]float64{}
		for _, row := range report.Rows {
			median[row.ID] = row.Median
		}
		asks, prints := median["cell/ask the engine"], median["cell/fmt.Println"]
		if asks == 0 || prints == 0 {
			t.Fatalf("not measured: %+v", report.Rows)
		}
		t.Logf("medians of 7: a cell that asks the engine %.0f ms, one that prints %.0f ms", asks, prints)
		if asks <= 2*prints {
			return
		}
		if try == tries {
			t.Fatalf("more than twice as long, %d times", tries)
		}
	}
}
