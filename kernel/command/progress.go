package command

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// newBar shows on standard error how many of n are done and the time left.
func newBar(what string, n int) *progressbar.ProgressBar {
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))
}

// byteBar shows bytes, with the total once that is known; done ends its line.
func byteBar(what string) (progress func(done, total int64), done func()) {
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(200*time.Millisecond))
	told := int64(-1)
	progress = func(done, total int64) {
		if total != told {
			told = total
			bar.ChangeMax64(total)
		}
		bar.Set64(done)
	}
	return progress, func() {
		if told >= 0 {
			fmt.Fprintln(os.Stderr)
		}
	}
}
