package jupyter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// TimeCell starts the kernel, runs a cell once to warm up and then n times,
// and returns how long each of these took from the request to the kernel
// being idle again. Every cell differs by a comment, so that none is known.
func TimeCell(ctx context.Context, root, source string, n int) ([]time.Duration, error) {
	if err := Setup(ctx, root, io.Discard); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("time a cell: %w", err)
	}
	env := append(os.Environ(), wire.EnvRoot+"="+root, envFreshPages+"=1")
	c, err := startKernel(ctx, []string{self, "run"}, env, root, layout{root}.tmp(), io.Discard)
	if err != nil {
		return nil, fmt.Errorf("time a cell: %w", err)
	}
	defer c.close()
	var times []time.Duration
	for i := range n + 1 {
		began := time.Now()
		if _, err := runCell(ctx, c, fmt.Sprintf("%s\n// %d", source, i), time.Minute); err != nil {
			return nil, fmt.Errorf("time a cell: %w", err)
		}
		if i > 0 {
			times = append(times, time.Since(began))
		}
	}
	return times, nil
}

// TimeFirstSample starts an engine process of the command self that keeps its
// state in a folder of dir, asks it for one sample of a test digit, and
// returns how long it took from the process's start until the sample was on
// disk.
func TimeFirstSample(ctx context.Context, self, dir string) (time.Duration, error) {
	at, err := listen(freshPages)
	if err != nil {
		return 0, fmt.Errorf("time the first sample: %w", err)
	}
	defer at.close()
	state, err := os.MkdirTemp(dir, "engine-")
	if err != nil {
		return 0, fmt.Errorf("time the first sample: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "engine")
	cmd.Env = append(append(os.Environ(), wire.EnvRoot+"="+state, wire.EnvState+"="), at.env...)
	cmd.ExtraFiles = at.files
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("time the first sample: %w", err)
	}
	defer func() { // the end of the life-line ends the process
		at.held.Close()
		cmd.Wait()
	}()
	digit := 18
	err = request(ctx, filepath.Join(at.dir, "engine.sock"), wire.Request{Op: wire.OpDraw, Source: &wire.Source{Digit: &digit}, Draw: &wire.Draw{N: 1}})
	if err != nil {
		return 0, fmt.Errorf("time the first sample: %w", err)
	}
	return time.Since(began), nil
}

// request asks an engine and waits until it has done.
func request(ctx context.Context, socket string, req wire.Request) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return err
	}
	replies := json.NewDecoder(bufio.NewReader(conn))
	for {
		var reply wire.Reply
		if err := replies.Decode(&reply); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		switch {
		case reply.Error != "":
			return errors.New(reply.Error)
		case reply.Result != nil:
			return nil
		}
	}
}
