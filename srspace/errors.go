package srspace

import "fmt"

// NotSpaceError says that a folder holds no manifest. Pictures made elsewhere
// open with [OpenFolder].
type NotSpaceError struct {
	Dir string
	Err error // wraps os.ErrNotExist
}

func (e *NotSpaceError) Error() string { return fmt.Sprintf("%s is no space: %v", e.Dir, e.Err) }

// Unwrap returns why the manifest cannot be read.
func (e *NotSpaceError) Unwrap() error { return e.Err }

// NoSampleError names a sample that a space does not hold. It wraps
// [ErrNoSample].
type NoSampleError struct {
	Dir  string
	Seed uint64
}

func (e *NoSampleError) Error() string {
	return fmt.Sprintf("%s: %v: seed %d", e.Dir, ErrNoSample, e.Seed)
}

// Unwrap returns [ErrNoSample].
func (e *NoSampleError) Unwrap() error { return ErrNoSample }
