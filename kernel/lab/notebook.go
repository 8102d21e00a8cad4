package lab

import (
	"encoding/gob"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// notebook is the way from a cell to GoNB: two named pipes that carry gob
// values of package protocol. Package gonbui does the same and more, but
// links a logging library, which makes every cell a tenth of a second slower.
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

// open opens both pipes; GoNB waits for both.
func (n *notebook) open() {
	n.once.Do(func() {
		w, err := os.OpenFile(os.Getenv(protocol.GONB_PIPE_ENV), os.O_WRONLY, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, "warning: nothing can be shown:", err)
			return
		}
		r, err := os.OpenFile(os.Getenv(protocol.GONB_PIPE_BACK_ENV), os.O_RDONLY, 0)
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

// flush waits until GoNB has passed on what was sent.
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
