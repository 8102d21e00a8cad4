package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// answer answers every request but that to run a cell.
func (r *Relay) answer(s *socket, m *message.Message) {
	switch m.Header.Type {
	case "kernel_info_request":
		r.reply(s, m, "kernel_info_reply", kernelInfo)
	case "is_complete_request":
		var q struct{ Code string }
		json.Unmarshal(m.Content, &q) // without code it is empty, and complete
		r.reply(s, m, "is_complete_reply", completeness(q.Code))
	case "history_request":
		r.reply(s, m, "history_reply", map[string]any{"status": "ok", "history": r.past(m.Content)})
	case "comm_info_request":
		r.reply(s, m, "comm_info_reply", map[string]any{"status": "ok", "comms": r.openComms(m.Content)})
	case "complete_request":
		r.reply(s, m, "complete_reply", r.complete(m.Content))
	case "inspect_request":
		r.reply(s, m, "inspect_reply", r.inspect(m.Content))
	case "interrupt_request":
		r.Interrupt()
		r.reply(s, m, "interrupt_reply", map[string]any{"status": "ok"})
	case "shutdown_request":
		var q struct{ Restart bool }
		json.Unmarshal(m.Content, &q) // absent is false
		r.reply(s, m, "shutdown_reply", map[string]any{"status": "ok", "restart": q.Restart})
		r.publish(m.RawHeader, "shutdown_reply", map[string]any{"status": "ok", "restart": q.Restart})
		time.AfterFunc(100*time.Millisecond, r.Shutdown) // the reply leaves first
	default:
		fmt.Fprintf(os.Stderr, "note: a request %q of the front end is not answered\n", m.Header.Type)
	}
}

var kernelInfo = map[string]any{
	"status":                 "ok",
	"protocol_version":       message.Version,
	"implementation":         "trustsr",
	"implementation_version": "1.0",
	"banner":                 "Go notebooks for trustworthy super-resolution, compiled by GoNB. %help lists the special commands.",
	"debugger":               false,
	"supported_features":     []string{},
	"language_info": map[string]any{
		"name":               "go",
		"version":            strings.TrimPrefix(runtime.Version(), "go"),
		"mimetype":           "text/x-go",
		"file_extension":     ".go",
		"pygments_lexer":     "go",
		"codemirror_mode":    "go",
		"nbconvert_exporter": "script",
	},
	"help_links": []map[string]string{
		{"text": "Go", "url": "https://go.dev/doc/"},
		{"text": "GoNB", "url": "https://github.com/janpfeifer/gonb"},
	},
}

// lookupTime is how long a completion may take: the user is typing.
const lookupTime = 1500 * time.Millisecond

type lookupRequest struct {
	Code   string `json:"code"`
	Cursor *int   `json:"cursor_pos"`
}

func (q lookupRequest) lookup() Lookup {
	n := len([]rune(q.Code))
	if q.Cursor == nil || *q.Cursor > n || *q.Cursor < 0 {
		return Lookup{q.Code, n}
	}
	return Lookup{q.Code, *q.Cursor}
}

func (r *Relay) complete(content json.RawMessage) any {
	var q lookupRequest
	json.Unmarshal(content, &q) // of no code nothing is completed
	at := q.lookup()
	c := Completion{Start: at.Cursor, End: at.Cursor}
	if r.Complete != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
		defer cancel()
		// without an answer in time there is nothing to offer
		if found, err := r.Complete(ctx, at); err == nil {
			c = found
		}
	}
	if c.Matches == nil {
		c.Matches = []string{}
	}
	return map[string]any{"status": "ok", "matches": c.Matches, "cursor_start": c.Start, "cursor_end": c.End, "metadata": map[string]any{}}
}

func (r *Relay) inspect(content json.RawMessage) any {
	var q lookupRequest
	json.Unmarshal(content, &q) // in no code nothing is found
	data := r.describe(q.lookup())
	return map[string]any{"status": "ok", "found": len(data) > 0, "data": data, "metadata": map[string]any{}}
}

// describe says what is known of the name at a place: by gopls, else by go
// doc.
func (r *Relay) describe(at Lookup) map[string]string {
	if r.Inspect != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*lookupTime)
		defer cancel()
		if text, err := r.Inspect(ctx, at); err == nil && text != "" {
			return map[string]string{"text/markdown": text, "text/plain": text}
		}
	}
	if text := goDoc(nameAt(at)); text != "" {
		return map[string]string{"text/plain": text}
	}
	return map[string]string{}
}

var name = regexp.MustCompile(`[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*`)

// nameAt is the name with its dots that touches a place, or "".
func nameAt(at Lookup) string {
	runes := []rune(at.Code)
	cursor := len(string(runes[:at.Cursor]))
	for _, span := range name.FindAllStringIndex(at.Code, -1) {
		if span[0] <= cursor && cursor <= span[1] {
			return at.Code[span[0]:span[1]]
		}
	}
	return ""
}

// goDoc is what go doc says of a name with a package, or "".
func goDoc(name string) string {
	if !strings.Contains(name, ".") {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "doc", name).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

var pageOf = regexp.MustCompile(`^\s*([\pL_][\pL\pN_.]*)\?+\s*$`)

// page is what a cell that is a name with a question mark shows, or nil.
func (r *Relay) page(code string) any {
	found := pageOf.FindStringSubmatch(code)
	if found == nil {
		return nil
	}
	data := r.describe(Lookup{found[1], len([]rune(found[1]))})
	if len(data) == 0 {
		data = map[string]string{"text/plain": "nothing is known of " + found[1]}
	}
	return map[string]any{"source": "page", "data": data, "start": 0}
}

// onComm passes a widget's message on to GoNB.
func (r *Relay) onComm(m *message.Message) {
	r.track(m)
	select {
	case <-r.ready:
		if err := r.gonb.Forward(m, m.Content); err != nil {
			fmt.Fprintln(os.Stderr, "error: a widget's message:", err)
		}
	default: // no widget is older than GoNB
	}
}

// track keeps which comms are open.
func (r *Relay) track(m *message.Message) {
	var c struct {
		ID     string `json:"comm_id"`
		Target string `json:"target_name"`
	}
	if json.Unmarshal(m.Content, &c) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch m.Header.Type {
	case "comm_open":
		r.comms[c.ID] = c.Target
	case "comm_close":
		delete(r.comms, c.ID)
	}
}

func (r *Relay) openComms(content json.RawMessage) map[string]any {
	var q struct {
		Target string `json:"target_name"`
	}
	json.Unmarshal(content, &q) // none asks for all
	r.mu.Lock()
	defer r.mu.Unlock()
	open := map[string]any{}
	for id, target := range r.comms {
		if q.Target == "" || q.Target == target {
			open[id] = map[string]string{"target_name": target}
		}
	}
	return open
}
