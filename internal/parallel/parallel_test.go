package parallel

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	var running, most atomic.Int64
	done := make([]bool, 100)
	err := Each(t.Context(), len(done), 3, func(i int) error {
		now := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		done[i] = true
		return nil
	})
	if err != nil || most.Load() > 3 {
		t.Errorf("%d at a time, error %v", most.Load(), err)
	}
	for i, d := range done {
		if !d {
			t.Errorf("%d was not done", i)
		}
	}
	if err := Each(t.Context(), 0, 0, nil); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

// Of several errors the one of the lowest index is returned, and little is
// begun after the first.
func TestEachStops(t *testing.T) {
	var begun atomic.Int64
	gate := make(chan bool)
	err := Each(t.Context(), 1000, 2, func(i int) error {
		begun.Add(1)
		switch i {
		case 0:
			<-gate // fails after 1 has
		case 1:
			close(gate)
		}
		return fmt.Errorf("error %d", i)
	})
	if err == nil || err.Error() != "error 0" {
		t.Errorf("error %v, want that of 0", err)
	}
	if n := begun.Load(); n > 4 {
		t.Errorf("%d were begun", n)
	}
}

func TestEachIsCancelled(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var done atomic.Int64
	err := Each(ctx, 1000, 1, func(i int) error {
		if done.Add(1) == 10 {
			cancel(reason)
		}
		return nil
	})
	if !errors.Is(err, reason) || done.Load() != 10 {
		t.Errorf("%d done, error %v", done.Load(), err)
	}
}
