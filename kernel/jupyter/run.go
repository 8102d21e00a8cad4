package jupyter

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// ExitCode is the status with which a process we stand for ended.
type ExitCode int

func (c ExitCode) Error() string { return "exit status " + strconv.Itoa(int(c)) }

// Run is the notebook kernel that a front end starts: it opens the engine's
// listeners, keeps an engine process alive behind them, and runs GoNB with
// the connection file. It returns when GoNB ends, as an ExitCode unless 0;
// whoever of front end, wrapper, GoNB dies first takes the rest down.
//
// An interrupt, SIGINT to us or to our process group, stops the running cell
// with all that it started, and nothing else; SIGTERM and SIGHUP are passed on
// to GoNB.
func Run(root, connectionFile string) error {
	l := layout{root}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	return wrapper{
		layout: l,
		engine: []string{self, "engine"},
		gonb:   []string{l.gonb(), "--kernel", connectionFile, "-raw_error=true", "-go_work=" + root},
	}.run()
}

// wrapper holds the commands of the two processes.
type wrapper struct {
	layout
	engine, gonb []string
}

func (w wrapper) run() error {
	if err := w.folders(); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if err := adoptOrphans(); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	take := w.keptPages
	if os.Getenv(envFreshPages) != "" {
		take = freshPages
	}
	place, err := listen(take)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	defer place.close()
	env := append(w.environment(append(os.Environ(), "GOFLAGS="+goFlags())), place.env...)

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	// Children start deaf to SIGINT, so that one that comes early ends none;
	// GoNB listens when it is ready.
	signal.Ignore(syscall.SIGINT)
	parent := os.Getppid()

	stopEngine := make(chan struct{})
	engineGone := make(chan struct{})
	go func() {
		defer close(engineGone)
		w.keepEngine(place, env, stopEngine)
	}()
	gonb, ended, err := start(exec.Command(w.gonb[0], w.gonb[1:]...), env, syscall.SIGTERM)
	if err != nil {
		close(stopEngine)
		<-engineGone
		return fmt.Errorf("kernel: start GoNB: %w", err)
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var kill <-chan time.Time
	for {
		select {
		case <-interrupts:
			go interruptCell(gonb)
		case s := <-signals:
			gonb.Signal(s)
			if kill == nil {
				kill = time.After(5 * time.Second)
			}
		case <-tick.C:
			if os.Getppid() != parent && kill == nil { // the front end is gone
				gonb.Signal(syscall.SIGTERM)
				kill = time.After(2 * time.Second)
			}
		case <-kill:
			gonb.Kill()
		case err := <-ended:
			close(stopEngine)
			<-engineGone
			killChildren() // a cell's program outlives a killed GoNB
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return ExitCode(max(1, exit.ExitCode()))
			}
			return err
		}
	}
}

// keepEngine runs the engine until stop is closed, and starts it again with
// the same listeners when it dies. Five deaths within ten seconds are enough.
func (w wrapper) keepEngine(place *place, env []string, stop <-chan struct{}) {
	var deaths []time.Time
	for {
		cmd := exec.Command(w.engine[0], w.engine[1:]...)
		cmd.ExtraFiles = place.files
		process, ended, err := start(cmd, env, syscall.SIGKILL)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error: start the engine:", err)
			return
		}
		select {
		case <-stop:
			process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
			case <-time.After(2 * time.Second):
				process.Kill()
				<-ended
			}
			return
		case err := <-ended:
			deaths = append(deaths, time.Now())
			if n := len(deaths); n >= 5 && time.Since(deaths[n-5]) < 10*time.Second {
				fmt.Fprintln(os.Stderr, "error: the engine died five times in ten seconds:", err)
				fmt.Fprintln(os.Stderr, "hint: restart the notebook's kernel; go run ./kernel doctor tells what may be missing")
				return
			}
			fmt.Fprintln(os.Stderr, "the engine died and is started again:", err)
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// start starts a process that gets deathSignal when this one dies. The signal
// comes when the starting thread ends, so that thread waits for the process.
func start(cmd *exec.Cmd, env []string, deathSignal syscall.Signal) (*os.Process, <-chan error, error) {
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: deathSignal}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, nil, err
	}
	return cmd.Process, ended, nil
}

// place is where cells and pages find the engine, whichever process serves.
type place struct {
	dir   string
	files []*os.File // what an engine inherits: socket, pages, life-line
	held  *os.File   // the life-line's other end
	pages *pagesPlace
	env   []string
}

// placePrefix begins the names of folders of places in /tmp.
const placePrefix = "trustsr-"

// sweepPlaces removes the folders of this user in dir in whose socket nobody
// listens any more: their kernels were killed. A young one may be about to
// listen.
func sweepPlaces(dir string) {
	paths, _ := filepath.Glob(filepath.Join(dir, placePrefix+"*", "engine.sock"))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
			continue
		}
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			os.RemoveAll(filepath.Dir(path))
		}
	}
}

// listen opens the Unix socket in a folder of its own that only this user
// may enter, a loopback port for the pages, and the life-line.
func listen(pages func() (*pagesPlace, error)) (p *place, err error) {
	// not in TMPDIR: a socket's path is limited to 107 bytes
	dir, err := os.MkdirTemp("/tmp", placePrefix)
	if err != nil {
		return nil, err
	}
	p = &place{dir: dir}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	path := filepath.Join(dir, "engine.sock")
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	socket.SetUnlinkOnClose(false)
	defer socket.Close()
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	if p.pages, err = pages(); err != nil {
		return nil, err
	}
	address, err := p.pages.address(os.Getenv(envPublicURL))
	if err != nil {
		return nil, err
	}
	for _, l := range []interface{ File() (*os.File, error) }{socket, p.pages.listener} {
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
	}
	p.pages.listener.Close() // the files stay open; nobody but an engine answers
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.files, p.held = append(p.files, read), write
	p.env = []string{
		wire.EnvSocket + "=" + path,
		wire.EnvURL + "=" + address,
		wire.EnvToken + "=" + p.pages.token,
	}
	return p, nil
}

func (p *place) close() {
	for _, f := range append(p.files, p.held) {
		if f != nil {
			f.Close()
		}
	}
	if p.pages != nil {
		p.pages.close()
	}
	os.RemoveAll(p.dir)
}

// randomToken returns 128 random bits in hexadecimal.
func randomToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
