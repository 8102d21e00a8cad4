package metrics

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	"github.com/trustsr/trustsr/internal/backend"
)

// ErrBackendInUse is what [SetBackend] returns once metrics run on another
// backend.
var ErrBackendInUse = errors.New("metrics run on another backend already")

// opened is the backend of all metrics with a network, opened once.
var opened struct {
	sync.Mutex
	config  string
	backend compute.Backend
}

// SetBackend chooses where metrics with a network run: a GoMLX backend such as
// "go" (pure Go), "onnx:cpu" (ONNX Runtime) or "xla:cuda". It opens it, and
// returns why that fails. Without a call, or with "", it is the backend that
// $GOMLX_BACKEND names, else the fastest that is installed. All metrics of a
// program run on one backend: once one has, another is an error that wraps
// [ErrBackendInUse].
//
// Backends agree to about 1e-6 of a score. With pure Go, build with
// GOEXPERIMENT=simd: it is ten times as fast.
func SetBackend(config string) error {
	_, err := openBackend(config, true)
	return err
}

// metricsBackend opens the backend, if need be.
func metricsBackend() (compute.Backend, error) { return openBackend("", false) }

func openBackend(config string, chosen bool) (compute.Backend, error) {
	opened.Lock()
	defer opened.Unlock()
	if opened.backend != nil {
		if chosen && config != opened.config {
			return nil, fmt.Errorf("metrics on %q, not %q: %w", opened.config, config, ErrBackendInUse)
		}
		return opened.backend, nil
	}
	b, err := backend.Open(config)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	opened.config, opened.backend = config, b
	return b, nil
}
