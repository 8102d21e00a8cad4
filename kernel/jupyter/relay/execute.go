package relay

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// execution is a cell that runs.
type execution struct {
	request *message.Message
	code    string
	silent  bool
	input   bool // the front end can be asked
	count   int
	replied chan *message.Message // GoNB's reply
	idle    chan struct{}         // closed when GoNB is done with the cell
	told    chan struct{}         // closed when an interrupt has reached all programs

	mu          sync.Mutex
	interrupted bool
	struck      bool // a program had the signal
	failure     *failure
	places      map[string]string    // "main.go:12" to "Cell [3] Line 2", as GoNB wrote
	asking      func(cellwire.Reply) // takes the line of input that is asked for
}

type executeRequest struct {
	Code        string            `json:"code"`
	Silent      bool              `json:"silent"`
	Store       *bool             `json:"store_history"` // nil is true
	Expressions map[string]string `json:"user_expressions"`
	AllowStdin  *bool             `json:"allow_stdin"`   // nil is true
	StopOnError *bool             `json:"stop_on_error"` // nil is true
}

// execute runs a cell and replies. When it fails, the cells that wait are not
// run.
func (r *Relay) execute(m *message.Message) {
	var request executeRequest
	if err := json.Unmarshal(m.Content, &request); err != nil {
		r.reply(r.shell, m, "execute_reply", (&failure{Name: "BadRequest", Value: err.Error()}).content(r.executions()))
		return
	}
	isTrue := func(b *bool) bool { return b == nil || *b }
	store := isTrue(request.Store) && !request.Silent
	r.mu.Lock()
	if store {
		r.count++
		r.remember(request.Code)
	}
	e := &execution{request: m, code: request.Code, silent: request.Silent, input: isTrue(request.AllowStdin), count: r.count,
		replied: make(chan *message.Message, 1), idle: make(chan struct{}), told: make(chan struct{}), places: map[string]string{}}
	r.current = e
	r.mu.Unlock()
	if !request.Silent {
		r.publish(m.RawHeader, "execute_input", map[string]any{"code": request.Code, "execution_count": e.count})
	}
	content := map[string]any{"status": "ok", "execution_count": e.count, "payload": []any{}}
	if page := r.page(request.Code); page != nil {
		content["payload"] = []any{page}
	} else {
		r.run(e, store)
	}
	e.signalled()
	r.mu.Lock()
	r.current = nil
	r.mu.Unlock()

	if f := e.failed(); f != nil {
		if !request.Silent {
			r.publish(m.RawHeader, "error", f)
		}
		var waiting []*message.Message
		if isTrue(request.StopOnError) {
			waiting = r.drain()
		}
		r.reply(r.shell, m, "execute_reply", f.content(e.count))
		r.abort(waiting)
		return
	}
	expressions := map[string]any{}
	for name := range request.Expressions {
		expressions[name] = &failure{Name: "NotSupported", Value: "a Go cell has no values to look at once it has run", Status: "error", Trace: []string{}}
	}
	content["user_expressions"] = expressions
	r.reply(r.shell, m, "execute_reply", content)
}

// run hands the cell to GoNB and waits until it is done.
func (r *Relay) run(e *execution, store bool) {
	select {
	case <-r.ready:
	case <-r.gone:
		e.fail(kernelGone)
		return
	}
	// GoNB asks nobody: runners do.
	content, err := json.Marshal(map[string]any{"code": rewrite(e.code, r.Runner), "silent": e.silent, "store_history": store,
		"user_expressions": map[string]any{}, "allow_stdin": true, "stop_on_error": true})
	if err == nil {
		err = r.gonb.Forward(e.request, content)
	}
	if err != nil {
		e.fail(&failure{Name: "KernelError", Value: err.Error()})
		return
	}
	var reply *message.Message
	for idle := e.idle; reply == nil || idle != nil; {
		select {
		case reply = <-e.replied:
		case <-idle:
			idle = nil
		case <-r.gone:
			e.fail(kernelGone)
			return
		}
	}
	e.judge(reply)
}

// drain takes the executions that wait; other requests stay.
func (r *Relay) drain() (executions []*message.Message) {
	for n := len(r.requests); n > 0; n-- {
		m := <-r.requests
		if m.Header.Type == "execute_request" {
			executions = append(executions, m)
		} else {
			r.requests <- m
		}
	}
	return executions
}

// abort replies to executions that are not run.
func (r *Relay) abort(executions []*message.Message) {
	for _, m := range executions {
		r.status(m, "busy")
		r.reply(r.shell, m, "execute_reply", map[string]any{"status": "aborted", "execution_count": r.executions()})
		r.status(m, "idle")
	}
}

func (r *Relay) executions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// fromGoNB takes a message of GoNB: what it says itself, since programs speak
// through their runners.
func (r *Relay) fromGoNB(m *message.Message) {
	r.mu.Lock()
	e := r.current
	r.mu.Unlock()
	if e != nil && m.ParentID() != e.request.Header.ID {
		e = nil
	}
	switch m.Header.Type {
	case "execute_reply":
		if e != nil {
			e.replied <- m
		}
		return
	case "status":
		var s struct {
			State string `json:"execution_state"`
		}
		if json.Unmarshal(m.Content, &s); e != nil && s.State == "idle" {
			close(e.idle)
		}
		return
	case "execute_input", "error", "kernel_info_reply": // ours
		return
	case "stream":
		var s struct{ Name, Text string }
		if e == nil || json.Unmarshal(m.Content, &s) != nil {
			return
		}
		if e.learn(s.Text) {
			return
		}
		if what, unknown := unknownCommand(s.Text); unknown {
			e.fail(&failure{Name: "UnknownCommand", Value: what})
		}
		s.Text = strings.ToValidUTF8(s.Text, "\uFFFD")
		r.show(e, "stream", map[string]any{"name": s.Name, "text": s.Text})
		return
	case "comm_open", "comm_msg", "comm_close":
		r.track(m)
	}
	if e != nil && e.silent {
		return
	}
	m.Identities = [][]byte{[]byte("kernel." + r.session + "." + m.Header.Type)}
	r.send(r.iopub, m)
}

// show publishes an output of a cell.
func (r *Relay) show(e *execution, kind string, content any) {
	if !e.silent {
		r.publish(e.request.RawHeader, kind, content)
	}
}

func (e *execution) interrupt() (told func()) {
	e.mu.Lock()
	first := !e.interrupted
	e.interrupted = true
	asking := e.asking
	e.asking = nil
	e.mu.Unlock()
	if asking != nil {
		go asking(cellwire.Reply{NoInput: true})
	}
	if !first {
		return func() {}
	}
	return func() { close(e.told) }
}

// signalled waits, when a program was interrupted, until that is known from
// the one who was to interrupt it: an interrupt of the whole process group
// reaches the program first.
func (e *execution) signalled() {
	e.mu.Lock()
	wait := e.struck || e.interrupted
	e.mu.Unlock()
	if wait {
		select {
		case <-e.told:
		case <-time.After(time.Second): // it was the program's alone
		}
	}
}

// fail records the cell's first failure.
func (e *execution) fail(f *failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure == nil {
		e.failure = f
	}
}

// stopped reports whether the rest of the cell is not to be run.
func (e *execution) stopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failure != nil || e.interrupted
}

// failed returns why the cell failed, with places in the user's terms, or nil.
func (e *execution) failed() *failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.failure
	if e.interrupted {
		f = &failure{Name: "Interrupted", Value: "the cell was interrupted", Trace: []string{fmt.Sprintf("Cell [%d]: interrupted", e.count)}}
	}
	if f == nil {
		return nil
	}
	return f.located(e.count, e.places)
}
