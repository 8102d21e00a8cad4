// Package gobuild runs go build and tells how far it is: the first build of a
// checkout takes minutes.
package gobuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Options say what is built and how it is told.
type Options struct {
	Tool     string // the go command
	What     string // for people
	Dir      string
	Args     []string // after "go build"
	Env      []string
	Progress io.Writer
}

// quiet is how long a build may take without a word, and pause how long one
// that is slow says nothing more.
var quiet, pause = time.Second, 10 * time.Second

// Run builds. A build that takes over a second is named, then every ten
// seconds the time and how many packages are compiled until then. The error
// has what the compiler said.
func Run(ctx context.Context, o Options) error {
	began := time.Now()
	var out counter
	cmd := exec.CommandContext(ctx, o.Tool, append([]string{"build", "-v"}, o.Args...)...) // -v names packages as they are compiled
	cmd.Dir, cmd.Env = o.Dir, o.Env
	cmd.Stdout, cmd.Stderr = &out, &out
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	named := false
	next := time.NewTimer(quiet)
	defer next.Stop()
	for {
		select {
		case err := <-ended:
			packages, said := out.read()
			if named {
				fmt.Fprintf(o.Progress, "built %s: %.0f s, %d packages\n", o.What, time.Since(began).Seconds(), packages)
			}
			if err != nil {
				return errors.Join(context.Cause(ctx), fmt.Errorf("build %s: %w: %s", o.What, err, said))
			}
			return nil
		case <-next.C:
			if named {
				packages, _ := out.read()
				fmt.Fprintf(o.Progress, "  %s: %.0f s, %d packages compiled\n", o.What, time.Since(began).Seconds(), packages)
			} else {
				fmt.Fprintf(o.Progress, "building %s …\n", o.What)
				named = true
			}
			next.Reset(pause)
		}
	}
}

// counter keeps what go build prints, apart from names of packages, which it
// counts. Those are lines without a blank.
type counter struct {
	mu       sync.Mutex
	packages int
	said     bytes.Buffer
	part     []byte // the beginning of a line
}

// maxSaid bounds what is kept of the compiler's words.
const maxSaid = 64 << 10

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.part = append(c.part, p...)
	for {
		line, rest, ok := bytes.Cut(c.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		c.line(string(line))
		c.part = rest
	}
}

func (c *counter) line(line string) {
	if line != "" && !strings.ContainsAny(line, " \t:") {
		c.packages++
	} else if c.said.Len() < maxSaid {
		c.said.WriteString(line + "\n")
	}
}

func (c *counter) read() (packages int, said string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.packages, strings.TrimSpace(c.said.String() + string(c.part))
}
