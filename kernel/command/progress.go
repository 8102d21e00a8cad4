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
