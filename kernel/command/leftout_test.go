package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace"
)

// A sample that is cut off is named; counting and merging fail unless
// --leave-out is given.
func TestLeaveOut(t *testing.T) {
	dir := t.TempDir()
	space := filepath.Join(dir, "space")
	spaceOfDigits(t, space, 40)
	cut := filepath.Join(space, "samples", "000007.png")
	if err := os.Truncate(cut, 100); err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string][]string{
		"tally": {"tally", "--space", space, "--simulate", "5", "-o", filepath.Join(dir, "report")},
		"merge": {"merge", filepath.Join(dir, "whole"), space},
	} {
		if _, err := runLine(t, line...); !errors.Is(err, srspace.ErrLeftOut) || !strings.Contains(err.Error(), cut) {
			t.Errorf("%s: %v, want the file named", name, err)
		}
		if _, err := runLine(t, append(line, "--leave-out")...); err != nil {
			t.Errorf("%s --leave-out: %v", name, err)
		}
	}
}

// Names with commas, quotes and blanks are names like others, and what is
// printed to be typed next is quoted.
func TestStudyNewOddNames(t *testing.T) {
	dir := t.TempDir()
	space, file := filepath.Join(dir, `a, "b" 'c'`), filepath.Join(dir, "my study.yaml")
	spaceOfDigits(t, space, 40)
	out, err := runLine(t, "study", "new", file, "--space", space)
	if err != nil || !strings.Contains(out, "study serve '"+file+"'") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := runLine(t, "study", "check", file); err != nil || !strings.Contains(out, "trial-1") {
		t.Errorf("%v\n%s", err, out)
	}
}
