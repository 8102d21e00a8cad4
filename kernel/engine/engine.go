package engine

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config is what an Engine is made from.
type Config struct {
	Socket net.Listener // for cells
	Pages  net.Listener // for the browser; nil for none
	URL    string       // base of the pages behind a proxy; "" without one
	Root   string       // project root
	State  string       // folder of spaces, picks and scores, below Root where it is relative; "" is Root/.lab
	Token  string       // secret of the pages
	Tools  Tools
	Log    *log.Logger // nil for standard error
}

// Engine answers cells and pages until its context ends.
type Engine struct {
	config Config
	log    *log.Logger
	door   door

	components componentStore
	scores     scoreStore
	scoring    sync.Mutex // one network at a time; a second wait finds the scores kept
	studies    studies
}

// New returns an engine that keeps its state in config.State.
func New(config Config) (*Engine, error) {
	if config.Socket == nil || config.Root == "" {
		return nil, errors.New("engine: needs a socket and a project root")
	}
	switch {
	case config.State == "":
		config.State = filepath.Join(config.Root, ".lab")
	case !filepath.IsAbs(config.State): // the working directory is the notebook's, whichever that is
		config.State = filepath.Join(config.Root, config.State)
	}
	if config.Log == nil {
		config.Log = log.New(os.Stderr, "engine: ", 0)
	}
	e := &Engine{config: config, log: config.Log}
	var err error
	if e.door, err = doorAt(config.URL); err != nil {
		return nil, err
	}
	for _, folder := range []string{e.spacesDir(), e.scoresDir()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
	}
	return e, nil
}

func (e *Engine) spacesDir() string { return filepath.Join(e.config.State, "spaces") }
func (e *Engine) scoresDir() string { return filepath.Join(e.config.State, "scores") }

// Serve loads the model in the background and answers until ctx ends or a
// listener fails. Requests may come before the model is loaded: they wait.
func (e *Engine) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer e.studies.close()
	e.config.Tools.Models.Preload()
	failed := make(chan error, 2)
	go func() { failed <- e.serveSocket(ctx, e.config.Socket) }()
	if e.config.Pages != nil {
		handler, err := e.door.guard(e.config.Token, e.pages())
		if err != nil {
			return fmt.Errorf("engine: %w", err)
		}
		server := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          e.log,
		}
		defer server.Close()
		go func() { failed <- server.Serve(e.config.Pages) }()
	}
	select {
	case <-ctx.Done():
		e.config.Socket.Close()
		return ctx.Err()
	case err := <-failed:
		return fmt.Errorf("engine: %w", err)
	}
}
