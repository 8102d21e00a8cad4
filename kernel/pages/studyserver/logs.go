package studyserver

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// foreign makes text of others safe to print: on one line, short, without
// signs that a terminal obeys.
func foreign(s string) string {
	const most = 160
	short := s
	if len(short) > most {
		short = strings.ToValidUTF8(short[:most], "")
	}
	quoted := strconv.Quote(short)
	if quoted == `"`+s+`"` {
		return s // there is nothing to quote
	}
	if len(s) > most {
		quoted += fmt.Sprintf(" and %d bytes more", len(s)-len(short))
	}
	return quoted
}

// Lines of the log a second, and at once.
const (
	logsPerSecond = 10
	logsBurst     = 100
)

// slowWriter keeps who asks for what is refused from filling the disk: lines
// beyond the rate are counted and left out.
type slowWriter struct {
	to  io.Writer
	now func() time.Time

	mu      sync.Mutex
	left    float64
	at      time.Time
	dropped int
}

func (w *slowWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if w.at.IsZero() {
		w.left = logsBurst
	}
	w.left = min(logsBurst, w.left+max(0, now.Sub(w.at).Seconds())*logsPerSecond)
	w.at = now
	if w.left < 1 {
		w.dropped++
		return len(line), nil
	}
	w.left--
	if w.dropped > 0 {
		if _, err := fmt.Fprintf(w.to, "%d lines were left out\n", w.dropped); err != nil {
			return 0, err
		}
		w.dropped = 0
	}
	return w.to.Write(line)
}
