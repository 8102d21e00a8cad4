package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Model draws samples and reads digits in them.
type Model interface {
	// Sampler returns a sampler of the given number of denoising steps and
	// eta; steps 0 and eta nil mean the model's defaults. It draws samples in
	// rounds and tells onStep, unless that is nil, of each denoising step.
	Sampler(steps int, eta *float64, onStep func(Step)) (srspace.Sampler, error)
	// Read returns what the digit reader reads in each image.
	Read(images []*picture.Image) ([]Reading, error)
	// Reader identifies the digit reader: readings of another are made anew.
	Reader() string
}

// Step says that a round of samples has gone through Done of Total steps.
type Step struct{ Round, Done, Total int }

// Reading is a digit and the probability the reader gives it.
type Reading struct {
	Digit       int
	Probability float64
}

// Tools is what the engine takes from the numeric packages. Tests put a fast
// fake in place of [Digits].
type Tools struct {
	// Open loads the model. It is called once, or again after an error.
	Open func() (Model, error)
	// TestDigit returns test digit i at high resolution and what it was
	// written as; LR returns its low-resolution picture.
	TestDigit func(i int) (hr *picture.Image, label int, err error)
	LR        func(hr *picture.Image) (*picture.Image, error)
	// LRSize is the width and height of the LR pictures of the model.
	LRSize int
	// Scale is the side of a sample over the side of its LR picture.
	Scale int
	// Perception returns the metric of the plane's second axis, for pictures
	// whose shorter side has so many pixels.
	Perception func(side int) (metrics.Metric, error)
}

// loader loads the model once, in the background, and lets requests wait.
type loader struct {
	open func() (Model, error)

	mu      sync.Mutex
	current *loading
}

// loading is one attempt; done is closed when model or err is set.
type loading struct {
	done  chan struct{}
	model Model
	err   error
}

// start begins to load unless that is under way or done. An attempt that
// failed is made again, because its cause may be gone.
func (l *loader) start() *loading {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil {
		select {
		case <-l.current.done:
			if l.current.err == nil {
				return l.current
			}
		default:
			return l.current
		}
	}
	now := &loading{done: make(chan struct{})}
	l.current = now
	go func() {
		defer close(now.done)
		defer func() {
			if p := recover(); p != nil {
				now.err = fmt.Errorf("loading the model: %v", p)
			}
		}()
		now.model, now.err = l.open()
	}()
	return now
}

// state returns the model if it is loaded, and the error of the last attempt.
func (l *loader) state() (Model, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		return nil, nil
	}
	select {
	case <-l.current.done:
		return l.current.model, l.current.err
	default:
		return nil, nil
	}
}

// wait returns the model, reporting progress while it loads.
func (l *loader) wait(ctx context.Context, report func(wire.Progress)) (Model, error) {
	now := l.start()
	for patience := 200 * time.Millisecond; ; patience = time.Second {
		select {
		case <-now.done:
			return now.model, now.err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(patience):
			report(wire.Progress{Note: "loading model"})
		}
	}
}
