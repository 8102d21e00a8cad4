package jupyter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// The test binary stands in for the command: as "run" it is the wrapper
// around the real GoNB, as "engine" a small engine that answers with its
// process number.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "run" {
		err := wrapper{layout: layout{os.Getenv("TRUSTSR_ROOT")}, engine: []string{os.Args[0], "engine"}, connection: os.Args[2]}.run()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "engine" {
		signal.Ignore(os.Interrupt) // as the real engine does
		standIn()
	}
	os.Exit(m.Run())
}

func standIn() {
	l, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		os.Exit(3)
	}
	go func() {
		io.Copy(io.Discard, os.NewFile(5, "life-line"))
		os.Exit(0)
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(4)
		}
		fmt.Fprintln(c, os.Getpid())
		c.Close()
	}
}

// projectRoot is the folder with go.mod; .lab is made there, as for a user.
func projectRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var setUp = sync.OnceValue(func() error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	return Setup(context.Background(), root, os.Stderr)
})

// begin starts a kernel, the wrapper with the stand-in engine and the real
// GoNB, marked so that whatever it leaves running can be found.
func begin(t *testing.T) (c *client, mark string) {
	t.Helper()
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	mark = "TRUSTSR_TEST_MARK=" + randomToken()
	env := append(os.Environ(), "TRUSTSR_ROOT="+projectRoot(t), mark, envFreshPages+"=1") // a slot may be a real notebook's
	began := time.Now()
	c, err := startKernel(context.Background(), []string{os.Args[0], "run"}, env, t.TempDir(), t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("kernel ready after %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { c.close() })
	return c, mark
}

// running lists the processes that carry the mark and whose command line
// holds word, by /proc.
func running(mark, word string) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if strings.Contains(string(line), word) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// waitFor polls a condition for up to half a minute.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within half a minute: %s", what)
}

// text runs a cell and returns what it printed.
func text(t *testing.T, c *client, source string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := runCell(ctx, c, source, 0)
	var b strings.Builder
	for _, o := range out.list {
		if s, ok := o["text"].(string); ok {
			b.WriteString(s)
		}
	}
	return b.String(), err
}

// noMessages is for who does not look at a cell's messages.
func noMessages(*message.Message) {}

// lockedBuffer takes text of several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
