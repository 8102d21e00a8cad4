package study

import "fmt"

// FileError says that a study file cannot be read. Err wraps [ErrStudy] where
// its content is wrong, and fs.ErrNotExist where there is none.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// TooFewError says that a trial's space has fewer samples than are needed.
type TooFewError struct {
	Trial, Dir string
	Have, Want int
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("trial %q: %s has %d samples, at least %d are needed", e.Trial, e.Dir, e.Have, e.Want)
}

// DamagedError says that a store's file cannot be read as a whole. [Repair]
// saves what is readable into a new one.
type DamagedError struct{ Err error }

func (e *DamagedError) Error() string { return fmt.Sprintf("the file is damaged: %v", e.Err) }

// Unwrap returns what is wrong with the file.
func (e *DamagedError) Unwrap() error { return e.Err }
