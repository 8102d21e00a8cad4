package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// A vote for sample 2 of sample_0.png … sample_11.png, as diffusers' examples
// name them, is a vote for sample_2.png, and the report says so.
func TestTallyOfNumberedFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seq")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		m, err := picture.FromGray([]byte{byte(5 + 10*i)}, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.WritePNG(filepath.Join(dir, fmt.Sprintf("sample_%d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	var ballots strings.Builder
	for i := range 3 {
		fmt.Fprintf(&ballots, `{"participant": "p%d", "trial": "seq", "shown": [0,1,2,3,4,5,6,7,8,9,10,11], "picks": [2, 11], "reading": "5", "began": "2026-01-01T09:00:00Z", "cast": "2026-01-01T09:00:09Z"}`+"\n", i)
	}
	votes := filepath.Join(t.TempDir(), "votes.jsonl")
	if err := os.WriteFile(votes, []byte(ballots.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	report, err := new(Models).Tally(context.Background(), TallyOptions{Space: dir, Ballots: votes})
	if err != nil {
		t.Fatal(err)
	}
	// The mean of sample_2 (25) and sample_11 (115).
	if got := report.Trials[0].All.Image.Bytes()[0]; got != 70 {
		t.Errorf("the ensemble is %d, want 70", got)
	}
	if text := report.Trials[0].Markdown(); !strings.Contains(text, "| 2, `sample_2.png` |") || !strings.Contains(text, "| 11, `sample_11.png` |") {
		t.Errorf("the report names no files:\n%s", text)
	}
}
