package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
)

const (
	maxText     = 8 << 20   // text that one program may show
	maxDisplays = 256 << 20 // pictures and markup that one program may show
	maxAfter    = 64 << 10  // text shown after an interrupt
	maxWaiting  = 256 << 10 // what waits to be shown before the program has to wait
	textPause   = 40 * time.Millisecond
	wholeText   = 32 << 10 // text that is sent without waiting for more
)

// piece is one thing to show, in the order of all.
type piece struct {
	event  cellwire.Event
	number int // pieces are counted from 1
}

// queue holds what a program has shown and the relay not yet: text of both
// streams and displays in the order in which they were made. A display's
// message is read from another pipe than text, so before it is queued what the
// program has written until then is taken from the streams.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	pieces  []piece
	waiting int // bytes in pieces
	queued  int // pieces queued until now
	sent    int // of these, sent
	ending  bool

	streams             []*stream
	textLeft, shownLeft int
	dropped             int
	lastSent            time.Time
}

// stream is the read end of the program's standard output or error.
type stream struct {
	name    string
	file    *os.File
	fd      int
	partial []byte // the first bytes of a character
	ended   bool
	trace   *trace // of the Go runtime; nil where none is looked for
	last    string // end of the text
	open    string // the last line, while it has no end
}

func newQueue() *queue {
	q := &queue{textLeft: maxText, shownLeft: maxDisplays}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// add makes a stream of a pipe's read end and starts to read it.
func (q *queue) add(name string, file *os.File, traces bool) error {
	s := &stream{name: name, file: file}
	if traces {
		s.trace = &trace{}
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		return err
	}
	if err := syscall.SetNonblock(s.fd, true); err != nil {
		return err
	}
	q.streams = append(q.streams, s)
	go func() {
		for ended := false; !ended; {
			q.mu.Lock()
			for q.waiting >= maxWaiting {
				q.changed.Wait()
			}
			q.mu.Unlock()
			err := raw.Read(func(uintptr) bool {
				q.mu.Lock()
				defer q.mu.Unlock()
				q.pull(s)
				ended = s.ended
				return ended || q.waiting >= maxWaiting
			})
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// pull takes what is in a stream's pipe; q.mu is held.
func (q *queue) pull(s *stream) {
	var buffer [32 << 10]byte
	for !s.ended && q.waiting < maxWaiting {
		n, err := syscall.Read(s.fd, buffer[:])
		switch {
		case n > 0:
			q.take(s, buffer[:n])
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return
		default:
			s.ended = true
			q.take(s, nil)
			q.changed.Broadcast()
		}
	}
}

// take queues text of a stream in whole characters; q.mu is held.
func (q *queue) take(s *stream, data []byte) {
	data = append(s.partial, data...)
	s.partial = nil
	if n := incomplete(data); n > 0 && !s.ended {
		data, s.partial = data[:len(data)-n], append([]byte{}, data[len(data)-n:]...)
	}
	text := strings.ToValidUTF8(string(data), "\uFFFD")
	if s.trace != nil {
		text = s.trace.hold(text)
	}
	q.text(s, text)
}

// incomplete returns how many bytes at the end of data begin a character
// whose rest is still to come.
func incomplete(data []byte) int {
	for n := 1; n <= min(3, len(data)); n++ {
		if b := data[len(data)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(data[len(data)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// text queues text; q.mu is held.
func (q *queue) text(s *stream, text string) {
	if text == "" {
		return
	}
	const tail = 4 << 10
	s.last = strings.ToValidUTF8(end(s.last+end(text, tail), tail), "")
	s.open = s.last[strings.LastIndexByte(s.last, '\n')+1:]
	if len(text) > q.textLeft {
		cut := q.textLeft
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		q.dropped += len(text) - cut
		if text = text[:cut]; text == "" {
			return
		}
		q.textLeft = 0
	} else {
		q.textLeft -= len(text)
	}
	q.waiting += len(text)
	if n := len(q.pieces); n > 0 {
		if p := &q.pieces[n-1].event; p.Stream == s.name && len(p.Text)+len(text) <= 2*wholeText {
			p.Text += text
			q.changed.Broadcast()
			return
		}
	}
	q.push(cellwire.Event{Stream: s.name, Text: text})
}

func end(text string, n int) string {
	if len(text) > n {
		return text[len(text)-n:]
	}
	return text
}

// push queues an event and returns its number; q.mu is held.
func (q *queue) push(e cellwire.Event) int {
	q.queued++
	q.pieces = append(q.pieces, piece{e, q.queued})
	q.changed.Broadcast()
	return q.queued
}

// show queues a display behind all that was written before it.
func (q *queue) show(d *cellwire.Display) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.waiting >= maxWaiting {
		q.changed.Wait()
	}
	for _, s := range q.streams {
		q.pull(s)
	}
	size := len(d.Data) + len(d.Metadata)
	if size > q.shownLeft {
		q.dropped += size
		return
	}
	q.shownLeft -= size
	q.waiting += size
	q.push(cellwire.Event{Display: d})
}

// ask queues a request for input. The prompt is the line that the program has
// begun, unless it gave one.
func (q *queue) ask(a cellwire.Ask) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.streams {
		q.pull(s)
		if s.name == cellwire.Stdout && a.Prompt == "" {
			a.Prompt = s.open
		}
	}
	q.push(cellwire.Event{Ask: &a})
}

// flush waits until all that is queued is sent.
func (q *queue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for want := q.queued; q.sent < want; {
		q.changed.Wait()
	}
}

// interrupt drops the text that waits, but for its end, and most of what comes.
func (q *queue) interrupt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.pieces {
		p := &q.pieces[i].event
		if n := len(p.Text); n > 4<<10 {
			p.Text = strings.ToValidUTF8(end(p.Text, 4<<10), "")
			q.waiting -= n - len(p.Text)
			q.dropped += n - len(p.Text)
		}
	}
	q.textLeft = min(q.textLeft, maxAfter)
	q.changed.Broadcast()
}

// finish waits until both streams have ended and queues what was held back
// and how much was not shown.
func (q *queue) finish(isTrace func(string) bool) (trace, last string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.streams {
		for !s.ended {
			q.changed.Wait()
		}
		if s.trace != nil {
			if held := s.trace.release(); isTrace(held) {
				trace = held
			} else {
				q.text(s, held)
			}
		}
		if s.name == cellwire.Stderr {
			last = s.last
		}
	}
	if q.dropped > 0 {
		q.push(cellwire.Event{Stream: cellwire.Stderr, Text: fmt.Sprintf("\n… %s more were not shown: a cell shows up to %s of text and %s of pictures\n",
			humanize.Bytes(uint64(q.dropped)), humanize.IBytes(maxText), humanize.IBytes(maxDisplays))})
	}
	return trace, last
}

// next waits for the next event to send; text is given a moment to become
// more, since front ends limit how many messages come a second.
func (q *queue) next() (p piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if len(q.pieces) > 0 {
			p = q.pieces[0]
			pause := textPause - time.Since(q.lastSent)
			if p.event.Stream == "" || len(q.pieces) > 1 || len(p.event.Text) >= wholeText || q.ending || pause <= 0 {
				break
			}
			time.AfterFunc(pause, q.changed.Broadcast)
		}
		q.changed.Wait()
	}
	q.pieces = q.pieces[1:]
	return p
}

// done says that the relay has shown a piece.
func (q *queue) done(p piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting -= len(p.event.Text)
	if d := p.event.Display; d != nil {
		q.waiting -= len(d.Data) + len(d.Metadata)
	}
	q.sent, q.lastSent = p.number, time.Now()
	q.changed.Broadcast()
}
