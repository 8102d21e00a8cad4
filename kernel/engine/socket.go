package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

// requestTime is how long a client may take to send its request line.
const requestTime = 30 * time.Second

// serveSocket answers each connection in its own goroutine.
func (e *Engine) serveSocket(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var temporary interface{ Timeout() bool }
			if errors.As(err, &temporary) && temporary.Timeout() {
				continue
			}
			return err
		}
		go e.converse(ctx, conn)
	}
}

// converse reads one request, does it and writes the answer. The work is
// cancelled when the client goes away.
func (e *Engine) converse(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &replies{conn: conn}

	conn.SetReadDeadline(time.Now().Add(requestTime))
	in := bufio.NewReaderSize(io.LimitReader(conn, wire.MaxRequest+1), 64<<10)
	line, err := in.ReadBytes('\n')
	if err != nil {
		if len(line) > wire.MaxRequest {
			out.fail(hint.With(fmt.Errorf("request of more than %d bytes", wire.MaxRequest),
				"a picture for the digit model is 7×7 pixels"))
		}
		return // gone before it asked
	}
	var req wire.Request
	if err := json.Unmarshal(line, &req); err != nil {
		out.fail(hint.With(fmt.Errorf("request is not understood: %w", err), "the cell's lab package and the engine differ: restart the kernel"))
		return
	}
	conn.SetReadDeadline(time.Time{})
	go func() {
		// A client says nothing after its request: anything that arrives,
		// and the end of the connection, means it no longer waits.
		in.ReadByte()
		cancel()
	}()
	result, err := e.perform(ctx, &req, out.progress)
	switch {
	case err == nil:
		out.send(wire.Reply{Result: result})
	case ctx.Err() != nil:
		// nobody waits
	default:
		out.fail(err)
	}
}

// perform does a request and turns a panic into an error: one bad request
// must not end the work of others.
func (e *Engine) perform(ctx context.Context, req *wire.Request, report func(wire.Progress)) (result *wire.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.Printf("%s: %v\n%s", req.Op, p, debug.Stack())
			result, err = nil, hint.With(fmt.Errorf("%s failed inside the engine: %v", req.Op, p),
				"this is a defect; the terminal that runs the kernel shows where")
		}
	}()
	operation, ok := operations[req.Op]
	if !ok {
		return nil, hint.With(fmt.Errorf("unknown operation %.40q", req.Op),
			"the cell's lab package and the engine differ: restart the kernel")
	}
	return operation(e, ctx, req, report)
}

// replies writes the answer's lines. Progress of several goroutines may meet.
type replies struct {
	mu   sync.Mutex
	conn net.Conn
}

func (r *replies) send(reply wire.Reply) {
	line, err := json.Marshal(reply)
	if err != nil {
		line, _ = json.Marshal(wire.Reply{Error: "answer cannot be encoded: " + err.Error()})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// A client that does not read must not hold up the work for ever; the
	// end of the connection cancels it.
	r.conn.SetWriteDeadline(time.Now().Add(requestTime))
	if _, err := r.conn.Write(append(line, '\n')); err != nil {
		r.conn.Close()
	}
}

func (r *replies) progress(p wire.Progress) { r.send(wire.Reply{Progress: &p}) }

func (r *replies) fail(err error) {
	r.send(wire.Reply{Error: err.Error(), Hint: adviceOn(err)})
}
