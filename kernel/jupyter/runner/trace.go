package main

import (
	"regexp"
	"strings"
	"time"
)

// trace holds back what the Go runtime writes of a panic: it becomes the
// cell's error instead of text. A program that writes such a line itself and
// runs on is found out after holdTime.
type trace struct {
	held     strings.Builder
	since    time.Time
	midLine  bool
	released bool
}

const (
	holdTime = time.Second
	maxHeld  = 256 << 10
)

// firstLine begins what the runtime writes.
var firstLine = regexp.MustCompile(`(?m)^(panic: |fatal error: |runtime: |SIGQUIT: )`)

// goroutines is in every such text.
var goroutines = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// hold returns the part of text that is shown at once.
func (t *trace) hold(text string) string {
	if t.released || text == "" {
		return text
	}
	if t.held.Len() == 0 {
		at := firstLine.FindStringIndex(text)
		if at != nil && at[0] == 0 && t.midLine { // not at the start of a line
			if at = firstLine.FindStringIndex(text[1:]); at != nil {
				at[0]++
			}
		}
		t.midLine = text[len(text)-1] != '\n'
		if at == nil {
			return text
		}
		t.since = time.Now()
		t.held.WriteString(text[at[0]:])
		return text[:at[0]]
	}
	t.held.WriteString(text)
	if t.held.Len() > maxHeld {
		return t.release()
	}
	return ""
}

// overdue reports whether text is held back for longer than the runtime takes.
func (t *trace) overdue() bool {
	return !t.released && t.held.Len() > 0 && time.Since(t.since) > holdTime
}

// release ends the holding back and returns what was held.
func (t *trace) release() string {
	t.released = true
	held := t.held.String()
	t.held.Reset()
	return held
}

// releaseOverdue shows what is held back of a program that runs on.
func (q *queue) releaseOverdue() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.streams {
		if s.trace != nil && s.trace.overdue() {
			q.text(s, s.trace.release())
		}
	}
}
