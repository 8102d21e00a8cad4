package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/go-zeromq/zmq4"

	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// Options say between whom a relay stands.
type Options struct {
	Front   message.Connection // what the front end wrote: where we listen
	GoNB    message.Connection // where GoNB listens, or will in a moment
	Runners net.Listener       // where runners of cells connect
	Runner  string             // path of the program runner

	Interrupt func()                                                  // stops what the cell has started
	Shutdown  func()                                                  // ends the kernel
	Complete  func(ctx context.Context, r Lookup) (Completion, error) // nil: nothing is completed
	Inspect   func(ctx context.Context, r Lookup) (string, error)     // nil: nothing is known
}

// Lookup is a place in a cell about which the front end asks.
type Lookup struct {
	Code   string
	Cursor int // in characters
}

// Completion is what may stand between two places, in characters.
type Completion struct {
	Start, End int
	Matches    []string
}

// Relay is a running relay.
type Relay struct {
	Options
	key                                 message.Key
	session                             string
	shell, control, stdin, iopub, heart *socket
	requests                            chan *message.Message // of the shell channel that are answered one after the other
	gonb                                *message.Peer
	ready                               chan struct{} // closed when GoNB can be asked
	gone                                chan struct{} // closed when GoNB cannot be asked any more

	mu       sync.Mutex
	current  *execution // the cell that runs, or nil
	count    int        // of executions
	history  []entry
	comms    map[string]string // open comms: id to target
	displays map[string]bool   // ids of displays that there are
}

// maxRequests is how many requests may wait.
const maxRequests = 10000

// socket is a socket of the front end; several goroutines send on it.
type socket struct {
	zmq4.Socket
	mu sync.Mutex
}

// New listens where the front end expects a kernel.
func New(ctx context.Context, o Options) (*Relay, error) {
	r := &Relay{Options: o, key: message.Key(o.Front.Key), session: message.NewID(), requests: make(chan *message.Message, maxRequests),
		ready: make(chan struct{}), gone: make(chan struct{}), comms: map[string]string{}, displays: map[string]bool{}}
	for _, s := range []struct {
		socket **socket
		zmq    zmq4.Socket
		port   int
	}{
		{&r.shell, zmq4.NewRouter(ctx), o.Front.Shell},
		{&r.control, zmq4.NewRouter(ctx), o.Front.Control},
		{&r.stdin, zmq4.NewRouter(ctx), o.Front.Stdin},
		{&r.iopub, zmq4.NewPub(ctx), o.Front.IOPub},
		{&r.heart, zmq4.NewRep(ctx), o.Front.Heartbeat},
	} {
		*s.socket = &socket{Socket: s.zmq}
		if err := s.zmq.Listen(o.Front.Address(s.port)); err != nil {
			return nil, fmt.Errorf("listen for the front end: %w", err)
		}
	}
	go r.beat()
	go r.receive(r.shell, r.onShell)
	go r.receive(r.control, func(m *message.Message) { go r.onControl(m) })
	go r.receive(r.stdin, r.onStdin)
	go r.serveRunners()
	go r.work(ctx)
	return r, nil
}

// Connect connects to GoNB, which may be starting; cells wait until then. It
// returns when that is done or ctx ends.
func (r *Relay) Connect(ctx context.Context) error {
	peer, err := message.Dial(ctx, r.GoNB)
	if err == nil {
		err = peer.Handshake(ctx)
	}
	if err != nil {
		close(r.gone)
		return fmt.Errorf("GoNB: %w", err)
	}
	r.gonb = peer
	close(r.ready)
	go func() {
		defer close(r.gone)
		for {
			select {
			case m := <-peer.Messages:
				r.fromGoNB(m)
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

func (r *Relay) beat() {
	for {
		m, err := r.heart.Recv()
		if err != nil || r.heart.Send(m) != nil {
			return
		}
	}
}

func (r *Relay) receive(s *socket, handle func(*message.Message)) {
	for {
		raw, err := s.Recv()
		if err != nil {
			return
		}
		m, err := r.key.Parse(raw.Frames)
		if err != nil {
			fmt.Fprintln(os.Stderr, "warning: a message to the kernel is dropped:", err)
			continue
		}
		handle(m)
	}
}

// onShell takes requests that are answered one after the other, and at once
// what belongs to the cell that runs.
func (r *Relay) onShell(m *message.Message) {
	switch m.Header.Type {
	case "comm_open", "comm_msg", "comm_close":
		r.onComm(m)
	default:
		select {
		case r.requests <- m:
		default:
			fmt.Fprintf(os.Stderr, "warning: %d requests wait; %s is dropped\n", maxRequests, m.Header.Type)
		}
	}
}

// work answers the requests of the shell channel.
func (r *Relay) work(ctx context.Context) {
	for {
		select {
		case m := <-r.requests:
			r.handle(m)
		case <-ctx.Done():
			return
		}
	}
}

func (r *Relay) handle(m *message.Message) {
	r.status(m, "busy")
	defer r.status(m, "idle")
	if m.Header.Type == "execute_request" {
		r.execute(m)
		return
	}
	r.answer(r.shell, m)
}

// onControl takes requests that are answered while a cell runs.
func (r *Relay) onControl(m *message.Message) {
	r.status(m, "busy")
	defer r.status(m, "idle")
	r.answer(r.control, m)
}

// reply answers a request on the channel that it came on.
func (r *Relay) reply(s *socket, request *message.Message, kind string, content any) {
	m, err := message.New(r.session, kind, request.RawHeader, content)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: answer a request:", err)
		return
	}
	m.Identities = request.Identities
	r.send(s, m)
}

// publish tells all front ends something about a request.
func (r *Relay) publish(parent json.RawMessage, kind string, content any) {
	m, err := message.New(r.session, kind, parent, content)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: show something:", err)
		return
	}
	m.Identities = [][]byte{[]byte("kernel." + r.session + "." + kind)}
	r.send(r.iopub, m)
}

func (r *Relay) status(request *message.Message, state string) {
	r.publish(request.RawHeader, "status", map[string]any{"execution_state": state})
}

func (r *Relay) send(s *socket, m *message.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.SendMulti(zmq4.NewMsgFrom(r.key.Frames(m)...)); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "error: send to the front end:", err)
	}
}

// Interrupted says that the cell that runs is told to stop; it fails, however
// its program ends. The caller calls told when its programs have the signal;
// before, the next cell does not begin, which the signal might hit.
func (r *Relay) Interrupted() (told func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return func() {}
	}
	return r.current.interrupt()
}
