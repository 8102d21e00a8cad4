//go:build !(cgo && linux && amd64)

package onnx

import "errors"

// session needs cgo, which this build is without.
type session struct{}

var errNoRuntime = errors.New("this build has no ONNX Runtime")

func newSession([]byte, []string, []string) (*session, error) { return nil, errNoRuntime }

func runtimeVersion() (string, error) { return "", errNoRuntime }

func (*session) run([]*constant, []port) ([]*constant, error) { return nil, errNoRuntime }

func (*session) close() error { return nil }
