// Package parallel runs independent pieces of work on several cores.
package parallel

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Each calls work for 0 to n-1, begun in that order, on at most workers
// goroutines at a time; workers below 1 means one for each core. After an error,
// or when ctx ends, it begins no more. It returns when all that it began has
// ended: the error of the lowest index that has one, or else the cause of ctx's
// end.
func Each(ctx context.Context, n, workers int, work func(i int) error) error {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	errs := make([]error, n)
	for i := range n {
		if running.Err() != nil {
			break
		}
		group.Go(func() error {
			if ctx.Err() == nil {
				errs[i] = work(i)
			}
			return errs[i]
		})
	}
	group.Wait() // what it returns is the first in time
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
