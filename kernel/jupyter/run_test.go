package jupyter

import (
	"context"
	"errors"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// askEngine is a cell that prints what the engine answers.
const askEngine = `import ("fmt"; "io"; "net"; "os")
%%
c, err := net.Dial("unix", os.Getenv("TRUSTSR_SOCK"))
if err != nil { panic(err) }
b, _ := io.ReadAll(c)
fmt.Print(string(b), os.Getenv("TRUSTSR_URL"))`

func TestEngineIsRestarted(t *testing.T) {
	c, mark := begin(t)
	before, err := text(t, c, askEngine)
	if err != nil {
		t.Fatal(err)
	}
	engines := running(mark, "\x00engine")
	if len(engines) != 1 {
		t.Fatalf("%d engines", len(engines))
	}
	syscall.Kill(engines[0], syscall.SIGKILL)
	waitFor(t, "another engine", func() bool {
		now := running(mark, "\x00engine")
		return len(now) == 1 && now[0] != engines[0]
	})
	after, err := text(t, c, askEngine)
	if err != nil {
		t.Fatal(err)
	}
	pid1, url1, _ := strings.Cut(before, "\n")
	pid2, url2, _ := strings.Cut(after, "\n")
	if pid1 == pid2 || url1 != url2 || !strings.HasPrefix(url1, "http://127.0.0.1:") {
		t.Errorf("engine %s at %s, then %s at %s", pid1, url1, pid2, url2)
	}
	c.close()
	waitFor(t, "nothing left after a shutdown", func() bool { return len(running(mark, "")) == 0 })
}

// Whoever is killed, nothing is left running.
func TestKilledProcessesLeaveNothing(t *testing.T) {
	for name, word := range map[string]string{"GoNB": "gonb\x00--kernel", "the wrapper": "\x00run\x00"} {
		t.Run(name, func(t *testing.T) {
			c, mark := begin(t)
			if _, err := text(t, c, "%%\nfmt.Println(1)"); err != nil {
				t.Fatal(err)
			}
			pids := running(mark, word)
			if len(pids) != 1 {
				t.Fatalf("%d processes of %q", len(pids), word)
			}
			waiting := make(chan error, 1)
			go func() {
				err := c.execute(context.Background(), "%%\ntime.Sleep(time.Hour)", func(*message.Message) {})
				waiting <- err
			}()
			time.Sleep(time.Second) // the cell compiles and runs
			syscall.Kill(pids[0], syscall.SIGKILL)
			select {
			case err := <-waiting:
				var failed *cellError // the relay may have told it first
				if !errors.Is(err, errKernelDied) && !errors.As(err, &failed) {
					t.Errorf("the waiting client got %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the client waits for a dead kernel")
			}
			waitFor(t, "nothing left running", func() bool { return len(running(mark, "")) == 0 })
		})
	}
}

func TestInterruptStopsTheCellOnly(t *testing.T) {
	c, mark := begin(t)
	var engines []int
	waitFor(t, "an engine", func() bool { engines = running(mark, "\x00engine"); return len(engines) == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	began := time.Now()
	if _, err := runCell(ctx, c, "%%\ntime.Sleep(time.Hour)", 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("interrupted cell: %v", err)
	}
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("the cell took %v to stop", d)
	}
	if now := running(mark, "\x00engine"); len(now) != 1 || now[0] != engines[0] {
		t.Errorf("engines %v, then %v", engines, now)
	}
	if out, err := text(t, c, "%%\nfmt.Print(42)"); err != nil || out != "42" {
		t.Errorf("next cell: %q, %v", out, err)
	}
}

// Nobody else may talk to the engine, or find its token.
func TestPlaceIsPrivate(t *testing.T) {
	at, err := listen(freshPages)
	if err != nil {
		t.Fatal(err)
	}
	defer at.close()
	for path, want := range map[string]os.FileMode{at.dir: 0o700, filepath.Join(at.dir, "engine.sock"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// A socket that a killed kernel left is swept, one that is in use or young
// is not.
func TestSweepPlaces(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "sweep") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	old := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name      string
		dead, old bool
	}{{"dead", true, true}, {"young", true, false}, {"live", false, true}} {
		place := filepath.Join(dir, placePrefix+c.name)
		if err := os.Mkdir(place, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(place, "engine.sock")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if c.dead {
			l.SetUnlinkOnClose(false)
			l.Close()
		} else {
			defer l.Close()
		}
		if c.old {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := filepath.Join(dir, "elsewhere") // not of ours
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	sweepPlaces(dir)
	for name, want := range map[string]bool{placePrefix + "dead": false, placePrefix + "young": true, placePrefix + "live": true, "elsewhere": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A shell does not die of an interrupt while its child runs, and the child
// holds the cell's output: whatever the cell has started is stopped, and
// nothing else.
func TestInterruptStopsWhatTheCellStarted(t *testing.T) {
	for name, cell := range map[string]string{
		"a command in a condition":   `!if true; then sleep 98765; fi`,
		"the next command, too":      `!if true; then sleep 98765; fi; sh -c 'sleep 98765; true'; sleep 98765`,
		"a program deaf to SIGINT":   `!if true; then (trap '' INT; sleep 98765); fi`,
		"one that lost its parent":   `!sleep 98765 &`,
		"a program's own child":      "import \"os/exec\"\n%%\nc := exec.Command(\"sh\", \"-c\", \"sleep 98765; true\"); c.Stdout = os.Stdout; c.Run()",
		"output that goes elsewhere": `!exec >/dev/null 2>&1; if true; then sleep 98765; fi`,
	} {
		t.Run(name, func(t *testing.T) {
			c, mark := begin(t)
			// an earlier cell's program that runs on by itself
			if _, err := text(t, c, `!sleep 43210 >/dev/null 2>&1 &`); err != nil {
				t.Fatal(err)
			}
			// a process just started may have no command line in /proc yet
			var others []int
			waitFor(t, "engine, GoNB and a sleeper run", func() bool {
				others = others[:0]
				for _, program := range []string{"\x00engine", "gonb\x00--kernel", "43210"} {
					others = append(others, running(mark, program)...)
				}
				return len(others) == 3
			})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				err := c.execute(ctx, cell, func(*message.Message) {})
				ended <- err
			}()
			waitFor(t, "the cell's sleeper runs", func() bool { return len(running(mark, "sleep\x0098765")) > 0 })
			began := time.Now()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted cell: %v", err)
			}
			t.Logf("the cell ended after %v", time.Since(began).Round(10*time.Millisecond))
			waitFor(t, "no sleeper is left", func() bool { return len(running(mark, "sleep\x0098765")) == 0 })
			for _, pid := range others {
				if syscall.Kill(pid, 0) != nil {
					t.Errorf("process %d is gone too", pid)
				}
			}
			if out, err := text(t, c, "%%\nfmt.Print(42)"); err != nil || out != "42" {
				t.Errorf("next cell: %q, %v", out, err)
			}
		})
	}
}

// Some front ends interrupt the kernel's process, not its group.
func TestInterruptOfTheWrapperAlone(t *testing.T) {
	c, mark := begin(t)
	ended := make(chan error, 1)
	go func() {
		err := c.execute(context.Background(), `!if true; then sleep 98765; fi`, func(*message.Message) {})
		ended <- err
	}()
	waitFor(t, "the cell's sleeper runs", func() bool { return len(running(mark, "sleep\x0098765")) > 0 })
	c.process.Signal(syscall.SIGINT)
	select {
	case err := <-ended:
		var failed *cellError
		if !errors.As(err, &failed) || failed.Name != "Interrupted" {
			t.Errorf("an interrupted cell: %v", err)
		}
	case <-time.After(patience + 15*time.Second):
		t.Fatal("the cell does not stop")
	}
	if out, err := text(t, c, "%%\nfmt.Print(42)"); err != nil || out != "42" {
		t.Errorf("next cell: %q, %v", out, err)
	}
}
