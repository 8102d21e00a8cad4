package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// errGone says that the engine died before it answered.
var errGone = errors.New("the engine stopped before it answered")

// refusal is an error the engine sent.
type refusal struct{ text, hint string }

func (r *refusal) Error() string { return r.text }

// call asks the engine and returns its answer, or ends the cell. All requests
// may be repeated, so one that the engine did not live to answer is asked
// again: its parent starts it anew within a moment.
func call(req wire.Request) *wire.Result {
	bar := newProgressBar()
	defer bar.finish()
	for attempt := 0; ; attempt++ {
		result, err := ask(req, bar)
		if errors.Is(err, errGone) && attempt < 3 {
			bar.show(wire.Progress{Note: "the engine is gone, waiting for the next one"})
			time.Sleep(300 * time.Millisecond << attempt)
			continue
		}
		if err != nil {
			bar.finish()
			fail(err)
		}
		return result
	}
}

// ask sends one request and reads the answer. An interrupt of the cell closes
// the connection, which cancels the work in the engine.
func ask(req wire.Request, bar *progressBar) (*wire.Result, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	if len(line) >= wire.MaxRequest {
		return nil, &refusal{"the request is too large", "name fewer pictures"}
	}
	path := os.Getenv(wire.EnvSocket)
	if path == "" {
		return nil, &refusal{"there is no engine: " + wire.EnvSocket + " is not set", startHint}
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, &refusal{"the engine cannot be reached: " + err.Error(), startHint}
	}
	defer conn.Close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-interrupted:
			conn.Close()
			bar.finish()
			fail(&refusal{"interrupted", "finished samples are kept; run the cell again to go on"})
		case <-done:
		}
	}()
	if _, err := conn.Write(append(line, '\n')); err != nil {
		return nil, errGone
	}
	in := bufio.NewReaderSize(io.LimitReader(conn, wire.MaxReply), 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil, errGone
		}
		var reply wire.Reply
		if err := json.Unmarshal(line, &reply); err != nil {
			return nil, &refusal{fmt.Sprintf("the engine's answer is not understood: %v", err), "restart the kernel"}
		}
		switch {
		case reply.Progress != nil:
			bar.show(*reply.Progress)
		case reply.Error != "":
			return nil, &refusal{reply.Error, reply.Hint}
		case reply.Result != nil:
			return reply.Result, nil
		}
	}
}

const startHint = "run the notebook with the trustsr kernel: go run ./kernel up"

// fail prints the error and its hint and ends the cell.
func fail(err error) {
	if inNotebook() {
		front.where()
	}
	flush()
	fmt.Fprintln(os.Stderr, "error:", err)
	var r *refusal
	switch {
	case errors.As(err, &r) && r.hint != "":
		fmt.Fprintln(os.Stderr, "hint:", r.hint)
	case errors.Is(err, errGone):
		fmt.Fprintln(os.Stderr, "hint: run the cell again; what was finished is on disk")
	}
	os.Exit(1)
}

// Engine shows what the engine is and what it holds.
func Engine() {
	s := call(wire.Request{Op: wire.OpStatus}).Status
	state := "loading its model"
	switch {
	case s.Loaded:
		state = fmt.Sprintf("model %s (weights %.12s), backend %s", s.Model, s.Weights, s.Backend)
	case s.Problem != "":
		state = "no model: " + s.Problem
	}
	say("engine (process %d): %s; %d spaces on disk", s.Process, state, len(s.Spaces))
}
