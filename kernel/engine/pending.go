package engine

import "errors"

// Digits returns the tools of the embedded digit model.
func Digits() Tools {
	return Tools{Open: func() (Model, error) { return nil, errors.New("the digit model is not there yet") }}
}
