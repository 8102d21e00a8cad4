package studyserver

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// errGreedy is told to a browser that asks for too much at the same moment.
var errGreedy = errors.New("this browser asks for too many pictures at once; wait a moment")

const (
	sheetsTogether = 6        // of one browser, which has as many connections
	sheetBytes     = 96 << 20 // of all sheets that are kept
)

// sheetCache keeps the sheets that were drawn. They are drawn one at a time, so
// that clicks are answered between them; who asks again gets what is there,
// and nobody can have more than a few under way, so that one browser does not
// keep the others from their pictures.
type sheetCache struct {
	mu      sync.Mutex
	kept    map[sheetKey]*keptSheet
	oldest  list.List // of keys, the least recently asked for first
	bytes   int
	waiting map[string]int // requests under way of each browser

	drawing sync.Mutex
}

// sheetKey names a sheet: a participant has one order in each trial.
type sheetKey struct {
	secret   string
	stage, n int
}

type keptSheet struct {
	ready chan struct{} // closed when it is drawn
	data  []byte
	err   error
	at    *list.Element
}

// get returns a sheet, drawing it unless it is kept.
func (c *sheetCache) get(ctx context.Context, secret string, stage, n int, draw func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	if c.kept == nil {
		c.kept, c.waiting = map[sheetKey]*keptSheet{}, map[string]int{}
	}
	if c.waiting[secret] >= sheetsTogether {
		c.mu.Unlock()
		return nil, errGreedy
	}
	c.waiting[secret]++
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.waiting[secret]--; c.waiting[secret] == 0 {
			delete(c.waiting, secret)
		}
	}()
	key := sheetKey{secret, stage, n}
	s, there := c.kept[key]
	if !there {
		s = &keptSheet{ready: make(chan struct{})}
		s.at = c.oldest.PushBack(key)
		c.kept[key] = s
		go c.draw(key, s, draw)
	} else {
		c.oldest.MoveToBack(s.at)
	}
	c.mu.Unlock()
	select {
	case <-s.ready:
		return s.data, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// draw draws a sheet for all who wait for it, and forgets others where there
// are too many.
func (c *sheetCache) draw(key sheetKey, s *keptSheet, draw func() ([]byte, error)) {
	data, err := c.alone(draw)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.data, s.err = data, err
	close(s.ready)
	c.bytes += len(s.data)
	if s.err != nil {
		c.forget(key)
	}
	for e := c.oldest.Front(); e != nil && c.bytes > sheetBytes; {
		next := e.Next()
		if other := e.Value.(sheetKey); other != key && len(c.kept[other].data) > 0 {
			c.forget(other)
		}
		e = next
	}
}

// alone draws while nothing else is drawn.
func (c *sheetCache) alone(draw func() ([]byte, error)) (data []byte, err error) {
	c.drawing.Lock()
	defer c.drawing.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("a fault of the program: %v\n%s", fault, debug.Stack())
		}
	}()
	return draw()
}

func (c *sheetCache) forget(key sheetKey) {
	s := c.kept[key]
	c.bytes -= len(s.data)
	c.oldest.Remove(s.at)
	delete(c.kept, key)
}
