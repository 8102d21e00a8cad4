package jupyter

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"
)

// client speaks Jupyter's messaging protocol 5.3
// (https://jupyter-client.readthedocs.io/en/stable/messaging.html) with a
// kernel that it started.
type client struct {
	key            []byte
	session        string
	shell, control zmq4.Socket
	messages       chan message // iopub and shell replies, in the order received
	process        *os.Process
	died           chan struct{} // closed when the process has ended, with exit
	exit           error
	dir            string
	count          int
	stop           context.CancelFunc
}

// message is a received message of any channel.
type message struct {
	Header struct {
		ID   string `json:"msg_id"`
		Type string `json:"msg_type"`
	}
	Parent struct {
		ID string `json:"msg_id"`
	}
	Content json.RawMessage
}

var errKernelDied = errors.New("the kernel died")

// startKernel starts a kernel, args with the connection file appended, in a
// folder, and waits until it answers. The connection file lies in a folder of
// its own in tmp until the client is closed.
func startKernel(ctx context.Context, args, env []string, dir, tmp string, stderr io.Writer) (started *client, err error) {
	// The sockets outlive the user's interrupt: it is sent through them.
	sockets, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &client{session: randomToken(), key: []byte(randomToken()), messages: make(chan message, 64), stop: stop}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.dir, err = os.MkdirTemp(tmp, "exec-"); err != nil {
		return nil, err
	}
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	connection := map[string]any{
		"transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256", "key": string(c.key), "kernel_name": KernelName,
		"shell_port": ports[0], "iopub_port": ports[1], "stdin_port": ports[2], "control_port": ports[3], "hb_port": ports[4],
	}
	data, err := json.Marshal(connection)
	if err != nil {
		return nil, err
	}
	// GoNB takes the kernel's id from a name of this form
	file := filepath.Join(c.dir, "kernel-"+c.session+".json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(args[0], append(args[1:], file)...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the kernel: %w", err)
	}
	c.process = cmd.Process
	c.died = make(chan struct{})
	go func() {
		c.exit = cmd.Wait()
		close(c.died)
		stop()
	}()
	defer context.AfterFunc(ctx, func() { c.process.Signal(syscall.SIGTERM) })() // while it starts
	if err = c.connect(sockets, ports); err == nil {
		err = c.handshake(sockets)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case <-c.died:
		return nil, fmt.Errorf("%w: %v", errKernelDied, c.exit)
	default:
		return c, err
	}
}

func (c *client) connect(ctx context.Context, ports []int) error {
	at := func(i int) string { return fmt.Sprintf("tcp://127.0.0.1:%d", ports[i]) }
	// dialled again and again while the kernel starts
	retry := []zmq4.Option{zmq4.WithDialerRetry(50 * time.Millisecond), zmq4.WithDialerMaxRetries(1200)}
	c.shell, c.control = zmq4.NewDealer(ctx, retry...), zmq4.NewDealer(ctx, retry...)
	iopub := zmq4.NewSub(ctx, retry...)
	if err := iopub.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		return err
	}
	for i, s := range map[int]zmq4.Socket{0: c.shell, 1: iopub, 3: c.control} {
		if err := s.Dial(at(i)); err != nil {
			return fmt.Errorf("connect to the kernel: %w", err)
		}
	}
	for _, s := range []zmq4.Socket{c.shell, iopub} {
		go func() {
			for {
				raw, err := s.Recv()
				if err != nil {
					return
				}
				if m, ok := c.parse(raw.Frames); ok {
					select {
					case c.messages <- m:
					case <-ctx.Done():
						return
					}
				}
			}
		}()
	}
	return nil
}

// handshake asks for kernel_info until iopub is heard to answer: a SUB socket
// misses what was sent before it joined.
func (c *client) handshake(ctx context.Context) error {
	for range 100 {
		id, err := c.send(c.shell, "kernel_info_request", map[string]any{})
		if err != nil {
			return err
		}
		after := time.After(600 * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case m := <-c.messages:
				if m.Parent.ID == id && m.Header.Type == "status" {
					return nil
				}
			case <-ctx.Done():
				return errKernelDied
			case <-after:
				waiting = false
			}
		}
	}
	return errors.New("the kernel does not answer")
}

// send signs and sends a request and returns its id.
func (c *client) send(to zmq4.Socket, kind string, content any) (string, error) {
	c.count++
	id := fmt.Sprintf("%s-%d", c.session, c.count)
	header, err := json.Marshal(map[string]any{"msg_id": id, "session": c.session, "username": "trustsr", "version": "5.3",
		"msg_type": kind, "date": time.Now().UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	parts := [][]byte{header, []byte("{}"), []byte("{}"), body}
	frames := append([][]byte{[]byte("<IDS|MSG>"), []byte(c.sign(parts))}, parts...)
	if err := to.SendMulti(zmq4.NewMsgFrom(frames...)); err != nil {
		return "", fmt.Errorf("send %s: %w", kind, err)
	}
	return id, nil
}

func (c *client) sign(parts [][]byte) string {
	h := hmac.New(sha256.New, c.key)
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// parse takes a message apart; one that is not signed with our key is not
// for us.
func (c *client) parse(frames [][]byte) (m message, ok bool) {
	for len(frames) > 0 && string(frames[0]) != "<IDS|MSG>" {
		frames = frames[1:]
	}
	if len(frames) < 6 || !hmac.Equal([]byte(c.sign(frames[2:6])), frames[1]) {
		return m, false
	}
	if json.Unmarshal(frames[2], &m.Header) != nil || json.Unmarshal(frames[3], &m.Parent) != nil {
		return m, false
	}
	m.Content = frames[5]
	return m, true
}

// execute runs a cell and hands on each of its iopub messages, until the cell
// is idle and has replied; it returns the reply's status. When ctx ends the
// cell is interrupted.
func (c *client) execute(ctx context.Context, source string, heard func(message)) (status string, err error) {
	id, err := c.send(c.shell, "execute_request", map[string]any{"code": source, "silent": false, "store_history": true,
		"user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true})
	if err != nil {
		return "", err
	}
	idle, done := false, ctx.Done()
	var giveUp <-chan time.Time
	for !idle || status == "" {
		select {
		case m := <-c.messages:
			if m.Parent.ID != id {
				continue
			}
			var content struct {
				Status string `json:"status"`
				State  string `json:"execution_state"`
			}
			json.Unmarshal(m.Content, &content) // absent fields stay empty
			switch m.Header.Type {
			case "execute_reply":
				status = content.Status
			case "status":
				idle = idle || content.State == "idle"
			default:
				heard(m)
			}
		case <-c.died:
			return "", fmt.Errorf("%w: %v", errKernelDied, c.exit)
		case <-done:
			done = nil
			// as Jupyter does it, by the kernelspec's interrupt_mode
			if err := syscall.Kill(-c.process.Pid, syscall.SIGINT); err != nil {
				return "", errors.Join(context.Cause(ctx), fmt.Errorf("interrupt the cell: %w", err))
			}
			giveUp = time.After(patience + 15*time.Second)
		case <-giveUp:
			return "", errors.New("the cell does not stop")
		}
	}
	return status, context.Cause(ctx)
}

// close shuts the kernel down, politely and then by force. Closing again
// does nothing.
func (c *client) close() {
	if c.process != nil {
		if alive := c.control != nil && c.process.Signal(syscall.Signal(0)) == nil; alive {
			c.send(c.control, "shutdown_request", map[string]any{"restart": false})
		}
		select {
		case <-c.died:
		case <-time.After(3 * time.Second):
			c.process.Signal(syscall.SIGTERM)
			select {
			case <-c.died:
			case <-time.After(7 * time.Second):
				syscall.Kill(-c.process.Pid, syscall.SIGKILL)
			}
		}
	}
	c.stop()
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// freePorts finds free loopback ports, all held until all are found.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find free ports: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
