// Command runner starts the program of a cell for GoNB, which takes it for the
// program itself. It owns the program's input and output and tells the relay
// what the program shows, in the order in which it does, and how it ends.
//
// As NAME, where there is a NAME.program, it runs that; as "runner shell LINE
// COMMAND" a command in bash; as "runner script PROGRAM …" a program whose
// input is the cell.
package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
)

func main() {
	// The program gets a signal when the thread that started it ends.
	runtime.LockOSThread()
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "error: run the cell:", err)
		os.Exit(1)
	}
}

// password, after "shell", makes what is typed stay unseen.
const password = "--password"

// job is what is to be run.
type job struct {
	hello    cellwire.Hello
	args     []string
	password bool
}

func parse(args []string) (job, error) {
	if program := args[0] + ".program"; exists(program) {
		return job{hello: cellwire.Hello{Kind: cellwire.Program}, args: append([]string{program}, args[1:]...)}, nil
	}
	args = args[1:]
	if len(args) >= 2 && args[0] == cellwire.Script {
		return job{hello: cellwire.Hello{Kind: cellwire.Script, What: strings.Join(args[1:], " ")}, args: args[1:]}, nil
	}
	j := job{hello: cellwire.Hello{Kind: cellwire.Shell}}
	if len(args) > 1 && args[1] == password {
		j.password = true
		args = append(args[:1], args[2:]...)
	}
	if len(args) != 3 || args[0] != cellwire.Shell {
		return j, errors.New("nothing to run")
	}
	var err error
	if j.hello.Line, err = strconv.Atoi(args[1]); err != nil {
		return j, fmt.Errorf("line %q: %w", args[1], err)
	}
	j.hello.What = args[2]
	j.args = []string{"/bin/bash", "-c", args[2]}
	return j, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func run(args []string) error {
	// The program is interrupted beside us, not through us. Caught and not
	// ignored, since what is ignored stays so in programs that are started.
	interrupts := make(chan os.Signal, 4)
	signal.Notify(interrupts, os.Interrupt)
	j, err := parse(args)
	if err != nil {
		return err
	}
	relay, err := dial(os.Getenv(cellwire.EnvRelay), j.hello)
	if err != nil || !relay.start.Run {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(os.Getenv(cellwire.EnvRelay)), "cell-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	q := newQueue()
	in := &input{queue: q, allowed: relay.start.Input, password: j.password}
	cmd := exec.Command(j.args[0], j.args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Env = os.Environ()
	where := 0
	var pipes []*displayPipes
	if j.hello.Kind == cellwire.Program {
		cmd.Args[0] = args[0]
		gui := &displayPipes{queue: q, input: in, comms: &comms{there: os.Getenv(protocol.GONB_PIPE_ENV), back: os.Getenv(protocol.GONB_PIPE_BACK_ENV)}}
		gui.comms.program = gui
		own := &displayPipes{queue: q, input: in, where: &where}
		for name, p := range map[string]*displayPipes{"gonb": gui, "lab": own} {
			if err := p.open(dir, name); err != nil {
				return err
			}
		}
		pipes = []*displayPipes{gui, own}
		cmd.Env = append(cmd.Env, protocol.GONB_PIPE_ENV+"="+gui.there, protocol.GONB_PIPE_BACK_ENV+"="+gui.back,
			cellwire.EnvPipe+"="+own.there, cellwire.EnvPipeBack+"="+own.back)
	}
	theirs, err := in.connect(cmd, j.hello.Kind == cellwire.Script)
	if err != nil {
		return err
	}
	for _, name := range []string{cellwire.Stdout, cellwire.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		if err := q.add(name, r, name == cellwire.Stderr && j.hello.Kind == cellwire.Program); err != nil {
			return err
		}
		if name == cellwire.Stdout {
			cmd.Stdout = w
		} else {
			cmd.Stderr = w
		}
		theirs = append(theirs, w)
	}
	var interrupted atomic.Bool
	sending := make(chan error, 1)
	go func() { sending <- relay.send(q) }()
	go relay.listen(in, func() { // the program ends with us
		os.RemoveAll(dir)
		os.Exit(1)
	})
	go func() {
		for range interrupts {
			interrupted.Store(true)
			q.interrupt()
		}
	}()
	err = cmd.Start()
	for _, f := range theirs {
		f.Close()
	}
	if err == nil {
		ended := make(chan struct{})
		go in.watch(cmd.Process.Pid, ended)
		err = cmd.Wait()
		close(ended)
	}
	trace, last := q.finish(func(text string) bool { return goroutines.MatchString(text) && exitCode(err) == 2 })
	for _, p := range pipes {
		p.close()
	}
	end := &cellwire.End{Code: exitCode(err), Trace: trace, Last: last, Where: where, Interrupted: interrupted.Load()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			end.Signal = status.Signal().String()
		}
	} else if err != nil {
		end.Last = err.Error()
	}
	if end.Failed() && j.hello.Kind == cellwire.Program {
		askGoNB(trace, last, where)
	}
	q.mu.Lock()
	q.ending = true
	q.push(cellwire.Event{End: end})
	q.mu.Unlock()
	return <-sending
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return 127
}

// askGoNB prints the places in the generated program that an error names, for
// GoNB, which writes the cell and its line before each; the relay takes them
// from there.
func askGoNB(trace, last string, where int) {
	dir := os.Getenv(protocol.GONB_TMP_DIR_ENV)
	places := regexp.MustCompile(regexp.QuoteMeta(dir)+`/main(_test)?\.go:\d+`).FindAllString(trace+"\n"+last, 100)
	if where > 0 {
		places = append(places, fmt.Sprintf("%s/main.go:%d", dir, where))
	}
	seen := map[string]bool{}
	for _, p := range places {
		if !seen[p] {
			seen[p] = true
			fmt.Fprintln(os.Stderr, p)
		}
	}
}

// relay is the connection to the relay.
type relay struct {
	conn    net.Conn
	encoder *gob.Encoder
	decoder *gob.Decoder
	start   cellwire.Start
	done    chan struct{} // one for each event that the relay is done with
	ended   atomic.Bool   // the last event is sent
}

func dial(path string, hello cellwire.Hello) (*relay, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	r := &relay{conn: conn, encoder: gob.NewEncoder(conn), decoder: gob.NewDecoder(conn), done: make(chan struct{}, 1)}
	if err := r.encoder.Encode(hello); err != nil {
		return nil, err
	}
	return r, r.decoder.Decode(&r.start)
}

// send sends what is queued, one event after the other, up to the end.
func (r *relay) send(q *queue) error {
	for {
		p := q.next()
		r.ended.Store(p.event.End != nil)
		if err := r.encoder.Encode(p.event); err != nil {
			return err
		}
		<-r.done
		q.done(p)
		if p.event.End != nil {
			return nil
		}
	}
}

// listen takes what the relay says. When it is gone before the program has
// ended, lost is called.
func (r *relay) listen(in *input, lost func()) {
	for {
		var reply cellwire.Reply
		if err := r.decoder.Decode(&reply); err != nil {
			if !r.ended.Load() {
				lost()
			}
			return
		}
		if reply.Done {
			r.done <- struct{}{}
		} else if reply.Got || reply.NoInput {
			in.give(reply)
		}
	}
}
