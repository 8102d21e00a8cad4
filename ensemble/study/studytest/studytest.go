// Package studytest makes study files with their spaces, for tests.
package studytest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// MakeSpace fills a folder with n plain pictures, of seeds from base on.
func MakeSpace(t testing.TB, dir string, n, side int, base uint64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		img := picture.NewImage(side, side)
		for p := range img.Pix {
			img.Pix[p] = float32((p*7+i*31)%256) / 255
		}
		if err := img.WritePNG(filepath.Join(dir, fmt.Sprintf("%06d.png", base+uint64(i)))); err != nil {
			t.Fatal(err)
		}
	}
}

// TwoTrials is a study of two trials, with training.
const TwoTrials = `
title: Two pictures
consent: |
  I take part.

  I am of age.
instructions: Choose.
protocol: task1
rules: {confidence: 3}
seed: 7
training: {name: warmup, space: spaces/practice, samples: 5}
trials:
  - {name: one, space: spaces/one, samples: 40}
  - {name: two, space: spaces/two, samples: 12, expect: "5"}
`

// File makes the study [TwoTrials] with its spaces in a folder of the test's,
// and returns its path.
func File(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	MakeSpace(t, filepath.Join(dir, "spaces", "practice"), 5, 8, 900)
	MakeSpace(t, filepath.Join(dir, "spaces", "one"), 40, 8, 123456)
	MakeSpace(t, filepath.Join(dir, "spaces", "two"), 12, 120, 777000)
	path := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(path, []byte(TwoTrials), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
