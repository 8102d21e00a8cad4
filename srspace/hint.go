package srspace

import "errors"

// HintError is an error with advice on what to do about it. The command line
// prints "error: " and Err, then "hint: " and Hint.
type HintError struct {
	Err  error
	Hint string
}

// Error returns the message of the error alone, without the hint.
func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap returns the error the hint belongs to.
func (e *HintError) Unwrap() error { return e.Err }

// WithHint returns err with advice attached; nil stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &HintError{Err: err, Hint: hint}
}

// Hint returns the advice nearest to the surface of err's chain, or "" where
// there is none.
func Hint(err error) string {
	var h *HintError
	if errors.As(err, &h) {
		return h.Hint
	}
	return ""
}
