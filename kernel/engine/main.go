package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Descriptors the wrapper hands to the engine process. The wrapper keeps the
// listeners open, so that cells and pages find the next engine under the same
// addresses when one has died.
const (
	fdSocket   = 3 // listening Unix socket
	fdPages    = 4 // listening loopback TCP socket
	fdLifeline = 5 // pipe whose other end the wrapper holds open
)

// Main is the engine process: it takes the descriptors 3 (listening Unix
// socket), 4 (listening loopback TCP socket) and 5 (a pipe) from its parent
// and the token, the address of its pages and the project root from the
// environment, and serves until ctx ends. When the pipe ends, because the parent is gone, the process exits at
// once: everything finished is on disk.
func Main(ctx context.Context) error { return run(ctx, Real()) }

func run(ctx context.Context, tools Tools) error {
	root, token := os.Getenv(wire.EnvRoot), os.Getenv(wire.EnvToken)
	if root == "" || token == "" {
		return fmt.Errorf("engine: %s and %s must be set; the kernel starts the engine, people do not", wire.EnvRoot, wire.EnvToken)
	}
	// A front end interrupts the whole process group; a cell is meant, which
	// then closes its connection.
	signal.Ignore(os.Interrupt)
	lifeline := os.NewFile(fdLifeline, "lifeline")
	if lifeline == nil {
		return errors.New("engine: no life-line on descriptor 5")
	}
	go func() {
		io.Copy(io.Discard, lifeline)
		os.Exit(0)
	}()
	socket, err := inherit(fdSocket, "unix")
	if err != nil {
		return err
	}
	pages, err := inherit(fdPages, "tcp")
	if err != nil {
		return err
	}
	e, err := New(Config{Socket: socket, Pages: pages, URL: os.Getenv(wire.EnvURL), Root: root, State: os.Getenv(wire.EnvState), Token: token, Tools: tools})
	if err != nil {
		return err
	}
	return e.Serve(ctx)
}

// inherit returns the listener on a descriptor from the parent process.
func inherit(fd uintptr, network string) (net.Listener, error) {
	f := os.NewFile(fd, network)
	if f == nil {
		return nil, fmt.Errorf("engine: descriptor %d is not open", fd)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("engine: descriptor %d: %w", fd, err)
	}
	if got := l.Addr().Network(); got != network {
		l.Close()
		return nil, fmt.Errorf("engine: descriptor %d is a %s listener, want %s", fd, got, network)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // the path belongs to the wrapper
	}
	return l, nil
}
