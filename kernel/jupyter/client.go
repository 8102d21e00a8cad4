package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// client is a front end of a kernel that it started.
type client struct {
	*message.Peer
	process *os.Process
	died    chan struct{} // closed when the process has ended, with exit
	exit    error
	folder  *ownFolder
	stop    context.CancelFunc
}

var errKernelDied = errors.New("the kernel died")

// startKernel starts a kernel, args with the connection file appended, in a
// folder, and waits until it answers. The connection file lies in a folder of
// its own in tmp until the client is closed.
func startKernel(ctx context.Context, args, env []string, dir, tmp string, stderr io.Writer) (started *client, err error) {
	// The sockets outlive the user's interrupt: it is sent through them.
	sockets, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &client{stop: stop}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.folder, err = makeOwnFolder(tmp, "exec-"); err != nil {
		return nil, err
	}
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	connection := message.Connection{Transport: "tcp", IP: "127.0.0.1", Scheme: "hmac-sha256", Key: randomToken(), Kernel: KernelName,
		Shell: ports[0], IOPub: ports[1], Stdin: ports[2], Control: ports[3], Heartbeat: ports[4]}
	// GoNB takes the kernel's id from a name of this form
	file := filepath.Join(c.folder.path, "kernel-"+randomToken()+".json")
	if err := connection.Write(file); err != nil {
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
	if c.Peer, err = message.Dial(sockets, connection); err == nil {
		err = c.Handshake(sockets)
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

// cellError is a cell's failure, as the kernel tells it.
type cellError struct {
	Name  string   `json:"ename"`
	Value string   `json:"evalue"`
	Trace []string `json:"traceback"`
}

// colours matches the escape sequences that colour text in a terminal.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Error is the beginning of the trace, which names the cell and its line, or
// what there is.
func (e *cellError) Error() string {
	const most = 14
	lines := strings.Split(colours.ReplaceAllString(strings.TrimSpace(strings.Join(e.Trace, "\n")), ""), "\n")
	if len(lines) > most {
		lines = append(lines[:most], "…")
	}
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, e.Value) {
		text = e.Name + ": " + e.Value + "\n" + text
	}
	return strings.TrimSpace(text)
}

// execute runs a cell and hands on each of its iopub messages, until the cell
// is idle and has replied. The error of a cell that fails is a *cellError.
// When ctx ends the cell is interrupted.
func (c *client) execute(ctx context.Context, source string, heard func(*message.Message)) error {
	id, err := c.Send("execute_request", map[string]any{"code": source, "silent": false, "store_history": true,
		"user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true})
	if err != nil {
		return err
	}
	idle, done := false, ctx.Done()
	var reply *struct {
		Status string `json:"status"`
		cellError
	}
	var giveUp <-chan time.Time
	for !idle || reply == nil {
		select {
		case m := <-c.Messages:
			if m.ParentID() != id {
				continue
			}
			switch m.Header.Type {
			case "execute_reply":
				if err := json.Unmarshal(m.Content, &reply); err != nil {
					return fmt.Errorf("the kernel's reply: %w", err)
				}
			case "status":
				var content struct {
					State string `json:"execution_state"`
				}
				json.Unmarshal(m.Content, &content) // absent stays empty
				idle = idle || content.State == "idle"
			default:
				heard(m)
			}
		case <-c.died:
			return fmt.Errorf("%w: %v", errKernelDied, c.exit)
		case <-done:
			done = nil
			// as Jupyter does it, by the kernelspec's interrupt_mode
			if err := syscall.Kill(-c.process.Pid, syscall.SIGINT); err != nil {
				return errors.Join(context.Cause(ctx), fmt.Errorf("interrupt the cell: %w", err))
			}
			giveUp = time.After(patience + 15*time.Second)
		case <-giveUp:
			return errors.New("the cell does not stop")
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if reply.Status != "ok" {
		return &reply.cellError
	}
	return nil
}

// close shuts the kernel down, politely and then by force. Closing again
// does nothing.
func (c *client) close() {
	if c.process != nil {
		if alive := c.Peer != nil && c.process.Signal(syscall.Signal(0)) == nil; alive {
			c.SendControl("shutdown_request", map[string]any{"restart": false})
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
	if c.folder != nil {
		c.folder.remove()
		c.folder = nil
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
