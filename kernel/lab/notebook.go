package lab

import (
	"encoding/gob"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
)

// notebook is the way from a cell to its runner, or to GoNB: two named pipes
// that carry gob values of package protocol. Package gonbui does the same and
// more, but links a logging library, which makes every cell a tenth of a second
// slower. The runner has a pair of pipes for each, since two writers of gob
// cannot share one.
type notebook struct {
	once sync.Once
	mu   sync.Mutex // one message at a time
	out  *gob.Encoder
	in   *gob.Decoder
	last int // number of the last sync
}

var front notebook

// inNotebook reports whether GoNB runs this program as a cell.
func inNotebook() bool { return os.Getenv(protocol.GONB_PIPE_ENV) != "" }

// open opens both pipes; who is at their other end waits for both.
func (n *notebook) open() {
	n.once.Do(func() {
		there, back := os.Getenv(cellwire.EnvPipe), os.Getenv(cellwire.EnvPipeBack)
		if there == "" {
			there, back = os.Getenv(protocol.GONB_PIPE_ENV), os.Getenv(protocol.GONB_PIPE_BACK_ENV)
		}
		w, err := os.OpenFile(there, os.O_WRONLY, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, "warning: nothing can be shown:", err)
			return
		}
		r, err := os.OpenFile(back, os.O_RDONLY, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, "warning: nothing can be shown:", err)
			return
		}
		n.out, n.in = gob.NewEncoder(w), gob.NewDecoder(r)
	})
}

// show displays d; with a DisplayID it can be rewritten later.
func (n *notebook) show(d *protocol.DisplayData) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.send(d)
}

func (n *notebook) send(d *protocol.DisplayData) {
	n.open()
	if n.out == nil {
		return
	}
	if err := n.out.Encode(d); err != nil {
		n.out = nil // GoNB is gone, and soon this cell
	}
}

// where tells the runner in which line of the generated program the cell ends,
// so that its error names the cell's line.
func (n *notebook) where() {
	if os.Getenv(cellwire.EnvPipe) == "" {
		return // GoNB takes it for a widget's value
	}
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "main.") && strings.HasSuffix(frame.File, "/main.go") {
			n.show(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
				protocol.MIMECommValue: &protocol.CommValue{Address: cellwire.AddressWhere, Value: frame.Line},
			}})
			return
		}
		if !more {
			return
		}
	}
}

// flush waits until the notebook has passed on what was sent.
func (n *notebook) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	n.send(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMECommValue: &protocol.CommValue{Address: protocol.GonbuiSyncAddress, Value: n.last},
	}})
	for n.out != nil {
		var answer protocol.CommValue
		if err := n.in.Decode(&answer); err != nil {
			n.out = nil
			return
		}
		if answer.Address == protocol.GonbuiSyncAckAddress && answer.Value == n.last {
			return
		}
	}
}

var (
	displays atomic.Int64
	started  = time.Now().UnixNano()
)

// newDisplayID names an output that will be rewritten.
func newDisplayID() string {
	return fmt.Sprintf("trustsr-%d-%d-%d", started, os.Getpid(), displays.Add(1))
}
