package studyserver

import (
	"sync"
	"time"

	"github.com/trustsr/trustsr/ensemble/study"
)

// rates limits how often one address may ask: a classroom behind one address
// fits, a script that hammers does not.
type rates struct {
	perSecond float64
	burst     float64

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// Limits of one address. Whoever joins again and again without a cookie gets
// fewer participants in the half hour of [study.ConsentTime] than the study takes,
// so that no script fills a room.
const (
	requestsPerSecond = 1000
	requestsBurst     = 10000

	joinsPerSecond = 5
	joinsBurst     = 400
)

func (r *rates) allow(address string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buckets == nil || len(r.buckets) > study.MaxParticipants {
		r.buckets = map[string]*bucket{}
	}
	b := r.buckets[address]
	if b == nil {
		b = &bucket{left: r.burst, at: now}
		r.buckets[address] = b
	}
	b.left = min(r.burst, b.left+max(0, now.Sub(b.at).Seconds())*r.perSecond) // the clock may be set back
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
