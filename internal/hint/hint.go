// Package hint attaches advice to errors: the error says what is wrong, the
// hint what to do about it.
package hint

import "errors"

// Error is an error with advice on what to do about it. The command line
// prints "error: " and Err, then "hint: " and Hint.
type Error struct {
	Err  error
	Hint string
}

// Error returns the message of the error alone, without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error the hint belongs to.
func (e *Error) Unwrap() error { return e.Err }

// With returns err with advice attached; nil stays nil.
func With(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: hint}
}

// Of returns the advice nearest to the surface of err's chain, or "" where
// there is none.
func Of(err error) string {
	var h *Error
	if errors.As(err, &h) {
		return h.Hint
	}
	return ""
}
