package lab

import (
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Files is a folder for what a notebook writes itself, made if it is not there:
// below the folder in which the engine keeps spaces and picks.
func Files(name string) string {
	dir := filepath.Join(call(wire.Request{Op: wire.OpStatus}).Status.State, "files", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		fail(err)
	}
	return dir
}

// Must returns v, or ends the cell with the error: for what a cell calls
// itself.
//
//	img := lab.Must(picture.ReadFile("img/natural/wren.png"))
func Must[T any](v T, err error) T {
	if err != nil {
		fail(err)
	}
	return v
}

// Check ends the cell where there is an error.
func Check(err error) {
	if err != nil {
		fail(err)
	}
}

// Save writes what the paper's Table 2 compares into a folder, one folder a
// method: the HR and the LR picture, bicubic interpolation, methods that were
// added, one sample, the mean of three and of all samples, and the mean of each
// of the lists. [Score] then makes the table.
func (s *Space) Save(dir string, lists ...string) {
	call(wire.Request{Op: wire.OpSave, Space: s.info.Name, Out: absolute(dir), Lists: lists})
}

// Dir returns the folder that holds the space.
func (s *Space) Dir() string { return s.info.Dir }
