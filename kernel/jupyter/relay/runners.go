package relay

import (
	"encoding/gob"
	"encoding/json"
	"net"
	"sync"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// serveRunners serves the runners of cells' programs.
func (r *Relay) serveRunners() {
	for {
		conn, err := r.Runners.Accept()
		if err != nil {
			return
		}
		go r.serveRunner(conn)
	}
}

// serveRunner shows what one program does, in order, until it ends.
func (r *Relay) serveRunner(conn net.Conn) {
	defer conn.Close()
	in, out := gob.NewDecoder(conn), gob.NewEncoder(conn)
	var hello cellwire.Hello
	if in.Decode(&hello) != nil {
		return
	}
	r.mu.Lock()
	e := r.current
	r.mu.Unlock()
	if e == nil || e.stopped() {
		out.Encode(cellwire.Start{})
		return
	}
	if out.Encode(cellwire.Start{Run: true, Input: e.input}) != nil {
		return
	}
	var mu sync.Mutex // of out
	reply := func(a cellwire.Reply) error {
		mu.Lock()
		defer mu.Unlock()
		return out.Encode(a)
	}
	for ended := false; !ended; {
		var event cellwire.Event
		if in.Decode(&event) != nil {
			e.fail(programFailure(hello, &cellwire.End{Code: -1, Signal: "killed"})) // the runner, and its program with it
			return
		}
		switch {
		case event.Display != nil:
			r.display(e, event.Display)
		case event.Ask != nil:
			r.ask(e, event.Ask, func(a cellwire.Reply) { reply(a) })
		case event.End != nil:
			ended = true
			if event.End.Interrupted {
				e.mu.Lock()
				e.struck = true
				e.mu.Unlock()
			}
			if event.End.Failed() {
				e.fail(programFailure(hello, event.End))
			}
		default:
			r.show(e, "stream", map[string]any{"name": event.Stream, "text": event.Text})
		}
		if reply(cellwire.Reply{Done: true}) != nil {
			return
		}
	}
}

// display shows a picture or text with markup, or shows it in the place of the
// one with the same id.
func (r *Relay) display(e *execution, d *cellwire.Display) {
	kind := "display_data"
	transient := map[string]any{}
	if d.ID != "" {
		transient["display_id"] = d.ID
		r.mu.Lock()
		if r.displays[d.ID] {
			kind = "update_display_data"
		}
		r.displays[d.ID] = true
		r.mu.Unlock()
	}
	r.show(e, kind, map[string]any{"data": json.RawMessage(d.Data), "metadata": json.RawMessage(d.Metadata), "transient": transient})
}

// ask asks the front end for a line of input.
func (r *Relay) ask(e *execution, a *cellwire.Ask, answer func(cellwire.Reply)) {
	e.mu.Lock()
	refused := e.interrupted || e.silent || !e.input
	if !refused {
		e.asking = answer
	}
	e.mu.Unlock()
	if refused {
		answer(cellwire.Reply{NoInput: true})
		return
	}
	password := 0 // a number, for the protocol's own checker wants one; front ends take 0 and 1 for no and yes
	if a.Password {
		password = 1
	}
	m, err := message.New(r.session, "input_request", e.request.RawHeader, map[string]any{"prompt": a.Prompt, "password": password})
	if err != nil {
		answer(cellwire.Reply{NoInput: true})
		return
	}
	m.Identities = e.request.Identities
	r.send(r.stdin, m)
}

// onStdin takes a line that the user has typed.
func (r *Relay) onStdin(m *message.Message) {
	var content struct {
		Value string `json:"value"`
	}
	if m.Header.Type != "input_reply" || json.Unmarshal(m.Content, &content) != nil {
		return
	}
	r.mu.Lock()
	e := r.current
	r.mu.Unlock()
	if e == nil {
		return
	}
	e.mu.Lock()
	asking := e.asking
	e.asking = nil
	e.mu.Unlock()
	if asking != nil {
		asking(cellwire.Reply{Input: content.Value, Got: true})
	}
}
