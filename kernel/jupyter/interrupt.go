package jupyter

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long an interrupted program may take to stop by itself. GoNB
// gives the program that it started itself as long.
const patience = 5 * time.Second

// interruptCell stops what the cell is waiting for: GoNB interrupts the one
// process that it started, but a shell's own children hold the cell's output
// open and outlive the shell. All of them get one SIGINT, those too that a shell
// starts after its first command was stopped; what is left after patience is
// killed. Processes that a cell has let go of, which write to no pipe of its,
// are not touched, nor is the engine.
//
// done is called when all of them have the signal; the rest takes its time.
func interruptCell(gonb *os.Process, done func()) {
	gonb.Signal(syscall.SIGINT)
	pipes := readEnds(gonb.Pid)
	told := map[process]bool{}
	for _, p := range started(gonb.Pid) {
		pipes = append(pipes, readEnds(p.pid)...) // the runner's, of the program's output
		told[p] = true
		syscall.Kill(p.pid, syscall.SIGINT)
	}
	done()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		left := heirs(told, pipes)
		if len(left) == 0 {
			return
		}
		for _, p := range left {
			if !told[p] {
				told[p] = true
				syscall.Kill(p.pid, syscall.SIGINT)
			}
		}
	}
	for _, p := range heirs(told, pipes) {
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
}

// process is one process: numbers are used again, start times with them not.
type process struct {
	pid     int
	started string // in clock ticks since the machine started
}

// heirs lists those of the processes told to stop that still run, and what
// these, or the ones that ended, have left behind.
func heirs(told map[process]bool, pipes []string) (left []process) {
	seen := map[process]bool{}
	add := func(found ...process) {
		for _, p := range found {
			if !seen[p] {
				seen[p] = true
				left = append(left, p)
			}
		}
	}
	for p := range told {
		if now, ok := look(p.pid); ok && now == p {
			add(p)
			add(descendants(p.pid)...)
		}
	}
	add(holders(pipes)...)
	return left
}

// descendants lists the children of a process, theirs, and so on.
func descendants(pid int) (all []process) {
	for _, child := range children(pid) {
		if p, ok := look(child); ok {
			all = append(append(all, p), descendants(child)...)
		}
	}
	return all
}

// started lists the children of GoNB and their descendants, without gopls,
// which GoNB keeps from interrupts by a process group of its own.
func started(gonb int) (all []process) {
	group, err := syscall.Getpgid(gonb)
	if err != nil {
		return nil
	}
	for _, pid := range children(gonb) {
		if g, err := syscall.Getpgid(pid); err != nil || g != group {
			continue
		}
		if p, ok := look(pid); ok {
			all = append(append(all, p), descendants(pid)...)
		}
	}
	return all
}

// holders lists our own children, adopted when their parent died, that write to
// one of the pipes, with their descendants.
func holders(pipes []string) (all []process) {
	for _, pid := range children(os.Getpid()) {
		p, ok := look(pid)
		if !ok {
			continue
		}
		for _, fd := range []string{"1", "2"} {
			if pipe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", fd)); err == nil && slices.Contains(pipes, pipe) {
				all = append(append(all, p), descendants(pid)...)
				break
			}
		}
	}
	return all
}

// look returns a process as /proc shows it; one that has ended and waits for its parent
// is not there.
func look(pid int) (process, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// state is the third field, the start time the twenty-second; see children
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" {
		return process{}, false
	}
	return process{pid, string(fields[19])}, true
}

// readEnds lists the pipes that a process reads, but for its standard input:
// those that end when a cell's program closes them.
func readEnds(pid int) (pipes []string) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	entries, _ := os.ReadDir(filepath.Join(dir, "fd"))
	for _, e := range entries {
		pipe, err := os.Readlink(filepath.Join(dir, "fd", e.Name()))
		if err != nil || !strings.HasPrefix(pipe, "pipe:") || e.Name() == "0" {
			continue
		}
		info, err := os.ReadFile(filepath.Join(dir, "fdinfo", e.Name()))
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(info), "\n") {
			if flags, ok := strings.CutPrefix(line, "flags:"); ok {
				if v, err := strconv.ParseUint(strings.TrimSpace(flags), 8, 64); err == nil && v&syscall.O_ACCMODE == syscall.O_RDONLY {
					pipes = append(pipes, pipe)
				}
			}
		}
	}
	return pipes
}
