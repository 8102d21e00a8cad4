package lab

import (
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Progress returns what shows a bar with the time left for work that the cell
// does itself: call it with how much is done, of how much. The bar comes when
// the work takes longer than a moment and goes when all is done. It fits where
// the packages here tell of their progress:
//
//	m.OnStep = lab.Progress("denoising")
//	space.Draw(ctx, sampler, 12, lab.Progress("samples"))
//
// It may be called from several goroutines, and begins anew after all was done.
// An interrupt takes the bar away and ends the cell.
func Progress(what string) func(done, total int) {
	var mu sync.Mutex
	var bar *progressBar
	var began time.Time
	var first int
	var last wire.Progress
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if bar == nil {
			if done >= total {
				return
			}
			bar, began, first = newProgressBar(), time.Now(), done
			interrupted := make(chan os.Signal, 1)
			signal.Notify(interrupted, os.Interrupt)
			go bar.until(interrupted)
			this := bar
			time.AfterFunc(barDelay+barPause, func() { // one piece may take long
				mu.Lock()
				defer mu.Unlock()
				if bar == this {
					bar.show(last)
				}
			})
		}
		if done >= total {
			bar.finish()
			bar = nil
			return
		}
		last = wire.Progress{Done: done, Total: total, Note: what}
		if done > first {
			last.ETA = time.Since(began).Seconds() / float64(done-first) * float64(total-done)
		}
		bar.show(last)
	}
}

// until takes the bar away and ends the cell when it is interrupted before the
// bar is finished.
func (b *progressBar) until(interrupted chan os.Signal) {
	defer signal.Stop(interrupted)
	select {
	case <-interrupted:
		b.finish()
		fail(&refusal{"interrupted", "run the cell again to start it anew"})
	case <-b.finished:
	}
}
