package study

import (
	"sync"
	"time"
)

// SimulatedClock is the time that simulated participants live in, so that a
// ballot thought about for half a minute need not take half a minute. It is
// shared, within one process, by a session ([Options].Clock) and what
// simulates its participants: what comes over the network sets no time, and a server without
// one goes by its own clock, whatever a client says.
type SimulatedClock struct {
	start time.Time
	mu    sync.Mutex
	spent map[string]time.Duration // by browser
}

// NewSimulatedClock starts everybody's time.
func NewSimulatedClock(start time.Time) *SimulatedClock {
	return &SimulatedClock{start: start, spent: map[string]time.Duration{}}
}

// Now is the time of the participant with a browser.
func (c *SimulatedClock) Now(browser string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(c.spent[browser])
}

// Advance lets time pass for the participant with a browser.
func (c *SimulatedClock) Advance(browser string, by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent[browser] += by
}

// at is the time at which a participant comes to a trial or hands it in.
func (b *Session) at(p *participant) time.Time {
	if b.clock != nil {
		return b.clock.Now(p.browser)
	}
	return b.now()
}
