package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whoever is killed while samples are drawn, nothing is left running, no
// finished sample is lost or drawn again, and the same cell goes on after
// them: by itself when it was the engine, when it is run again else.
func TestKilledWhileSampling(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: nothing is killed while it samples (a minute)")
	}
	trustsr, root := binary(t)
	const n = 162 // two batches or more on every backend
	for digit, victim := range []struct {
		name, word string
		survived   bool // by the cell: it asks the next engine
	}{
		{"the engine", "trustsr\x00engine", true},
		{"GoNB", "gonb\x00--kernel", false},
		{"exec", "trustsr\x00exec", false},
	} {
		t.Run(victim.name, func(t *testing.T) {
			state, dir := t.TempDir(), t.TempDir()
			notebook := filepath.Join(dir, "draw.ipynb")
			cell := fmt.Sprintf("import \"github.com/trustsr/trustsr/kernel/lab\"\n%%%%\nfmt.Print(\"there are \", lab.Digit(%d).Draw(%d).Len())", digit, n)
			data, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 4, "metadata": map[string]any{}, "cells": []any{
				map[string]any{"cell_type": "code", "source": cell, "metadata": map[string]any{}, "outputs": []any{}, "execution_count": nil}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(notebook, data, 0o644); err != nil {
				t.Fatal(err)
			}
			mark := fmt.Sprintf("TRUSTSR_TEST_MARK=kill-%d-%d", os.Getpid(), time.Now().UnixNano())
			start := func() (*exec.Cmd, *bytes.Buffer) {
				var said bytes.Buffer
				run := exec.Command(trustsr, "exec", notebook, "--timeout", "20m")
				run.Dir, run.Env = root, append(os.Environ(), mark)
				stateOf(run, state)
				run.Stdout, run.Stderr = &said, &said
				if err := run.Start(); err != nil {
					t.Fatal(err)
				}
				return run, &said
			}
			t.Cleanup(func() {
				for _, pid := range marked(mark) {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			})
			samples := filepath.Join(state, "spaces", fmt.Sprintf("digit-%d", digit), "samples")
			finished := func() []string {
				paths, _ := filepath.Glob(filepath.Join(samples, "*.png"))
				return paths
			}

			run, said := start()
			ended := make(chan error, 1)
			go func() { ended <- run.Wait() }()
			for deadline := time.Now().Add(10 * time.Minute); len(finished()) == 0; time.Sleep(20 * time.Millisecond) {
				select {
				case err := <-ended:
					t.Fatalf("ended before a sample was there: %v\n%s", err, said)
				default:
				}
				if time.Now().After(deadline) {
					t.Fatal("no sample within ten minutes")
				}
			}
			pid := processOf(mark, victim.word)
			if pid == 0 {
				t.Fatalf("%s is not running", victim.name)
			}
			syscall.Kill(pid, syscall.SIGKILL)
			kept := map[string]os.FileInfo{}
			for _, path := range finished() {
				if kept[path], err = os.Stat(path); err != nil {
					t.Fatal(err)
				}
			}
			if len(kept) == n {
				t.Fatal("all samples were drawn before the kill: it tells nothing")
			}
			limit := time.Minute
			if victim.survived {
				limit = 20 * time.Minute // it draws the rest
			}
			select {
			case err := <-ended:
				if (err == nil) != victim.survived {
					t.Errorf("exec ended with %v\n%s", err, said)
				}
			case <-time.After(limit):
				t.Fatalf("exec still runs %v after %s was killed", limit, victim.name)
			}
			for deadline := time.Now().Add(time.Minute); len(marked(mark)) > 0; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("still running: %v", marked(mark))
				}
			}

			again, said := start()
			if err := again.Wait(); err != nil {
				t.Fatalf("the same cell again: %v\n%s", err, said)
			}
			if out, err := os.ReadFile(notebook); err != nil || !strings.Contains(string(out), fmt.Sprint("there are ", n)) {
				t.Errorf("the cell did not say how many there are: %v", err)
			}
			if all := finished(); len(all) != n {
				t.Errorf("%d samples, want %d", len(all), n)
			}
			for path, before := range kept {
				if now, err := os.Stat(path); err != nil || !now.ModTime().Equal(before.ModTime()) || now.Size() != before.Size() {
					t.Errorf("%s was finished before the kill and is another file now: %v", filepath.Base(path), err)
				}
			}
			t.Logf("%d of %d samples were finished when %s was killed", len(kept), n, victim.name)
		})
	}
}
