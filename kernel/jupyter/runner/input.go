package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
)

// input is the write end of the program's standard input. A program that
// reads it makes the front end ask, or finds it at its end where the front end
// cannot ask: nothing waits for a line that never comes.
type input struct {
	mu       sync.Mutex
	pipe     *os.File // nil once it is closed
	name     string   // of the pipe, as /proc shows it
	allowed  bool     // the front end can be asked
	password bool
	asked    bool
	queue    *queue
}

// connect makes the program's standard input; a script's is ours. It returns
// what is to be closed here once the program has started.
func (in *input) connect(cmd *exec.Cmd, ours bool) (theirs []*os.File, err error) {
	if ours {
		cmd.Stdin = os.Stdin
		return nil, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, in.pipe = r, w
	in.name, err = os.Readlink("/proc/self/fd/" + strconv.Itoa(int(r.Fd())))
	return []*os.File{r}, err
}

// watch looks, until ended is closed, whether the program or one it started
// waits for input.
func (in *input) watch(pid int, ended <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	before := false
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		in.queue.releaseOverdue()
		in.mu.Lock()
		open, asked := in.pipe != nil, in.asked
		in.mu.Unlock()
		if !open || asked {
			before = false
			continue
		}
		now := in.empty() && in.wanted(pid)
		if now && before { // twice: a line may just be on its way
			in.ask(cellwire.Ask{Password: in.password}, false)
		}
		before = now
	}
}

// ask asks for a line. Where that cannot be, standard input ends; said tells
// whether the program asked by itself and the user should know.
func (in *input) ask(a cellwire.Ask, said bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pipe == nil {
		return
	}
	if in.allowed {
		in.asked = true
		in.queue.ask(a)
		return
	}
	in.close()
	if said {
		in.queue.mu.Lock()
		in.queue.push(cellwire.Event{Stream: cellwire.Stderr, Text: "no input: this notebook runs without a front end that can be asked\n"})
		in.queue.mu.Unlock()
	}
}

// give hands a line to the program, or the end of its input.
func (in *input) give(r cellwire.Reply) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.asked = false
	if in.pipe == nil {
		return
	}
	if r.NoInput {
		in.close()
		return
	}
	in.pipe.WriteString(r.Input + "\n") // a program that is gone reads nothing
}

// close ends standard input; in.mu is held.
func (in *input) close() {
	in.pipe.Close()
	in.pipe = nil
}

func (in *input) empty() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pipe == nil {
		return false
	}
	n, err := unix.IoctlGetInt(int(in.pipe.Fd()), unix.TIOCINQ)
	return err == nil && n == 0
}

// wanted reports whether a thread of the program, or of one that it started,
// is in read(0, …) of the pipe, by /proc. Where /proc does not show that, no
// program is found to wait.
func (in *input) wanted(pid int) bool {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*")
	read := strconv.Itoa(syscall.SYS_READ) + " 0x0 "
	for _, task := range tasks {
		if call, err := os.ReadFile(task + "/syscall"); err == nil && strings.HasPrefix(string(call), read) {
			if name, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/0"); err == nil && name == in.name {
				return true
			}
		}
		childs, err := os.ReadFile(task + "/children")
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(childs)) {
			if n, err := strconv.Atoi(child); err == nil && in.wanted(n) {
				return true
			}
		}
	}
	return false
}
