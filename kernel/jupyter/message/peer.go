package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"
)

// Peer speaks with a kernel, as a front end does.
type Peer struct {
	key            Key
	session        string
	shell, control zmq4.Socket
	Messages       chan *Message // of iopub and shell, in the order received
	stop           context.CancelFunc
}

// Dial connects to a kernel that may be starting, for up to a minute. When
// ctx ends the peer is closed.
func Dial(ctx context.Context, at Connection) (*Peer, error) {
	ctx, stop := context.WithCancel(ctx)
	// dialled again and again while the kernel starts
	retry := []zmq4.Option{zmq4.WithDialerRetry(20 * time.Millisecond), zmq4.WithDialerMaxRetries(3000)}
	p := &Peer{key: Key(at.Key), session: NewID(), Messages: make(chan *Message, 64), stop: stop,
		shell: zmq4.NewDealer(ctx, retry...), control: zmq4.NewDealer(ctx, retry...)}
	iopub := zmq4.NewSub(ctx, retry...)
	err := iopub.SetOption(zmq4.OptionSubscribe, "")
	for _, s := range []struct {
		socket zmq4.Socket
		port   int
	}{{p.shell, at.Shell}, {iopub, at.IOPub}, {p.control, at.Control}} {
		if err == nil {
			err = s.socket.Dial(at.Address(s.port))
		}
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("connect to the kernel: %w", err)
	}
	for _, s := range []zmq4.Socket{p.shell, iopub} {
		go func() {
			for {
				raw, err := s.Recv()
				if err != nil {
					return
				}
				m, err := p.key.Parse(raw.Frames)
				if err != nil {
					continue // not for us
				}
				select {
				case p.Messages <- m:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	return p, nil
}

// Handshake asks for kernel_info until iopub is heard to answer: a SUB socket
// misses what was sent before it joined.
func (p *Peer) Handshake(ctx context.Context) error {
	for range 200 {
		id, err := p.Send("kernel_info_request", map[string]any{})
		if err != nil {
			return err
		}
		for after := time.After(300 * time.Millisecond); ; {
			select {
			case m := <-p.Messages:
				if m.ParentID() == id && m.Header.Type == "status" {
					return nil
				}
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-after:
			}
			break
		}
	}
	return errors.New("the kernel does not answer")
}

// Send sends a request on the shell channel and returns its id.
func (p *Peer) Send(kind string, content any) (id string, err error) {
	return p.send(p.shell, kind, content)
}

// SendControl sends a request on the control channel and returns its id.
func (p *Peer) SendControl(kind string, content any) (id string, err error) {
	return p.send(p.control, kind, content)
}

func (p *Peer) send(to zmq4.Socket, kind string, content any) (string, error) {
	m, err := New(p.session, kind, nil, content)
	if err != nil {
		return "", err
	}
	return m.Header.ID, p.forward(to, m)
}

// Forward sends a request of somebody else on the shell channel, with other
// content: answers name it as their parent.
func (p *Peer) Forward(m *Message, content json.RawMessage) error {
	return p.forward(p.shell, &Message{RawHeader: m.RawHeader, Header: m.Header, Metadata: m.Metadata, Content: content, Buffers: m.Buffers})
}

func (p *Peer) forward(to zmq4.Socket, m *Message) error {
	if err := to.SendMulti(zmq4.NewMsgFrom(p.key.Frames(m)...)); err != nil {
		return fmt.Errorf("send %s: %w", m.Header.Type, err)
	}
	return nil
}

// Close closes the connections.
func (p *Peer) Close() { p.stop() }
