package jupyter

import (
	"context"
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

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
	"github.com/trustsr/trustsr/kernel/jupyter/lookup"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
	"github.com/trustsr/trustsr/kernel/jupyter/relay"
	"github.com/trustsr/trustsr/kernel/wire"
)

// ExitCode is the status with which a process we stand for ended.
type ExitCode int

func (c ExitCode) Error() string { return "exit status " + strconv.Itoa(int(c)) }

// Run is the notebook kernel that a front end starts: it opens the engine's
// listeners, keeps an engine process alive behind them, runs GoNB, and stands
// between it and the front end of the connection file (package relay). It
// returns when GoNB ends, as an ExitCode unless 0; whoever of front end,
// wrapper, GoNB dies first takes the rest down.
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
	return wrapper{layout: l, engine: []string{self, "engine"}, connection: connectionFile}.run()
}

// wrapper is a kernel: its engine's command and the front end's connection
// file.
type wrapper struct {
	layout
	engine     []string
	connection string
}

func (w wrapper) run() error {
	if err := w.folders(); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	tmp, err := makeOwnFolder(w.tmp(), "kernel-")
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	defer tmp.remove()
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
	env := append(w.environment(append(os.Environ(), "GOFLAGS="+goFlags())), "TMPDIR="+tmp.path)
	env = append(env, place.env...)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals, interrupts := make(chan os.Signal, 4), make(chan os.Signal, 4)
	names := &lookup.Server{
		Program: w.gopls,
		Folder: func() string { // GoNB makes it
			found, _ := filepath.Glob(filepath.Join(tmp.path, "gonb_*", "go.mod"))
			if len(found) == 0 {
				return ""
			}
			return filepath.Dir(found[0])
		},
		Start: func(cmd *exec.Cmd) error { return startHelper(cmd, env) },
	}
	front, connection, err := w.relay(ctx, place, names, signals, interrupts)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
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
	cmd := exec.Command(w.gonb(), "--kernel", connection, "-raw_error=true", "-go_work="+w.root)
	gonb, ended, err := start(cmd, append(env, cellwire.EnvRelay+"="+place.relaySocket()), syscall.SIGTERM)
	if err != nil {
		close(stopEngine)
		<-engineGone
		return fmt.Errorf("kernel: start GoNB: %w", err)
	}
	signal.Notify(interrupts, syscall.SIGINT)
	go func() {
		if err := front.Connect(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
	}()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var kill <-chan time.Time
	for {
		select {
		case <-interrupts:
			go interruptCell(gonb, front.Interrupted())
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
			stop()
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

// relay listens for the front end, and returns the connection file that GoNB
// gets. What the front end asks for is sent to the channels of signals.
func (w wrapper) relay(ctx context.Context, p *place, names *lookup.Server, signals, interrupts chan<- os.Signal) (*relay.Relay, string, error) {
	front, err := message.ReadConnection(w.connection)
	if err != nil {
		return nil, "", err
	}
	// in the place's folder, which only this user may enter
	gonb := message.Connection{Transport: "ipc", IP: filepath.Join(p.dir, "gonb"), Key: randomToken(), Scheme: "hmac-sha256", Kernel: KernelName,
		Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5}
	file := filepath.Join(p.dir, filepath.Base(w.connection)) // GoNB takes the kernel's id from the name
	if err := gonb.Write(file); err != nil {
		return nil, "", err
	}
	runners, err := net.Listen("unix", p.relaySocket())
	if err != nil {
		return nil, "", err
	}
	context.AfterFunc(ctx, func() { runners.Close() })
	tell := func(to chan<- os.Signal, s os.Signal) func() {
		return func() {
			select {
			case to <- s:
			default: // as many wait as change anything
			}
		}
	}
	r, err := relay.New(ctx, relay.Options{Front: front, GoNB: gonb, Runners: runners, Runner: w.runner(),
		Interrupt: tell(interrupts, syscall.SIGINT), Shutdown: tell(signals, syscall.SIGTERM), Complete: names.Complete, Inspect: names.Inspect})
	return r, file, err
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

// startHelper starts a process that an interrupt of our group does not reach,
// with pipes of its own. It is killed when this process dies.
func startHelper(cmd *exec.Cmd, env []string) error {
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	return <-started
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

// relaySocket is where the runners of cells find the relay.
func (p *place) relaySocket() string { return filepath.Join(p.dir, "relay.sock") }

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
func randomToken() string { return message.NewID() }
