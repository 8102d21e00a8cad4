package srspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
)

// ErrLeftOut is wrapped where files of a space are no samples of it and were
// left out.
var ErrLeftOut = errors.New("files are left out")

// LeftOutError names the files that were left out.
type LeftOutError struct{ Files []string }

func (e *LeftOutError) Error() string {
	what := "1 file is"
	if len(e.Files) != 1 {
		what = fmt.Sprintf("%d files are", len(e.Files))
	}
	return fmt.Sprintf("%s left out, cut off or not of this space: %s", what, strings.Join(e.Files, ", "))
}

func (e *LeftOutError) Unwrap() error { return ErrLeftOut }

// LeftOut returns the files among the samples that [Space.Seeds] leaves out:
// cut off, of another space, or no samples at all. What a killed writer leaves
// and hidden files do not count. In a folder made elsewhere every PNG is a
// sample, so that there are none.
func (s *Space) LeftOut() []string {
	if s.ReadOnly() {
		return nil
	}
	folder := filepath.Join(s.dir, samplesName)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var files []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), atomicfile.TempPrefix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(folder, e.Name())
		if seed, ok := parseSampleName(e.Name()); !ok || seed < s.manifest.BaseSeed || !looksFinished(path, s.origin(seed)) {
			files = append(files, path)
		}
	}
	return files
}

// leftOut returns an error that names the files, nil for none.
func leftOut(files []string) error {
	if len(files) == 0 {
		return nil
	}
	return hint.With(&LeftOutError{files}, "draw them again, or take the files away")
}
