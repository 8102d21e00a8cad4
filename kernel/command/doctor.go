package command

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/procfs"
	"github.com/trustsr/trustsr/internal/project"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/kernel/jupyter"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is installed, what is used and why, what is missing",
		Long: `Tells what is installed, what is used and why, and what is missing, and runs one
notebook cell. Ends with an error when something fails; what is only missing is
optional, or made when it is needed.`,
		Example: "  go run ./kernel doctor",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := project.Root()
			if err != nil {
				return err
			}
			return doctor(c.Context(), c.OutOrStdout(), root, oneCell)
		},
	}
}

// doctor prints a row for each thing it looked at. It returns an error that
// names the rows that fail, cell's among them.
func doctor(ctx context.Context, out io.Writer, root string, cell func(ctx context.Context, root string) error) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	const fails = "fails"
	var failed []string
	row := func(what, state, note string) {
		if state == fails {
			failed = append(failed, what)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", what, state, strings.ReplaceAll(note, "\n", " "))
	}
	row("project", "ok", root)
	row("Go", "ok", runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH)
	if backend.SIMD() {
		row("vector code of the Go backend", "ok", "built with GOEXPERIMENT=simd")
	} else {
		row("vector code of the Go backend", "missing", "start through go run ./kernel; without it sampling is ten times slower")
	}
	if t := backend.TimeExp(); t.AfterVector > 0 {
		state, note := "ok", fmt.Sprintf("%v a call, %v in other code", t.AfterVector, t.Otherwise)
		setting := os.Getenv("GODEBUG")
		if setting != "" {
			note += "; GODEBUG=" + setting
		}
		if t.Slow() {
			state = "slow"
			note += "; sampling on the Go backend takes several times as long; without cpu.… in GODEBUG the command sets cpu.fma=off itself"
		}
		row("math.Exp after vector code", state, note)
	}
	choice := backend.Choose()
	for i, step := range choice.Steps {
		state := "no"
		if i == len(choice.Steps)-1 {
			state = "chosen"
		}
		row(fmt.Sprintf("graphs run on, %d: %s", i+1, step.Name), state, step.Reason)
	}
	if b, err := backend.Open(choice.Config); err != nil {
		row("that backend", fails, err.Error())
	} else {
		row("graphs run on", backend.Of(b).Name, choice.Reason)
		for _, device := range backend.Devices(b) {
			row("device", "ok", device)
		}
	}
	row("processor", "ok", fmt.Sprintf("%s, %d cores to use", procfs.Processor(), runtime.GOMAXPROCS(0)))
	for _, l := range libraryRows() {
		row(l.what, l.state, l.note)
	}
	row("libraries", "note", "ONNX Runtime and PJRT plugins are programs: loading one runs its code, so install only those whose origin you know")
	if m, err := digits.Open(choice.Config); err != nil {
		row("digit model", fails, err.Error())
	} else {
		row("digit model", "ok", "embedded")
		if note, err := halfPrecision(m.Model); err != nil {
			row("bfloat16", "not here", strings.TrimPrefix(err.Error(), "bfloat16: "))
		} else {
			row("bfloat16", "ok", note)
		}
	}
	for _, item := range weightstore.Known() {
		if isLibrary(item.Name) {
			continue // above
		}
		if path, err := item.Where(); err == nil {
			row(item.Name, "ok", path)
		} else {
			row(item.Name, "not here", "optional: "+item.What)
		}
	}
	for _, name := range weightstore.Models() {
		if path, err := weightstore.ModelPath(name); err == nil && name != weightstore.LDMX4 {
			row("model "+name, "ok", path)
		}
	}
	chromium, _ := exec.LookPath("chromium")
	program := ""
	if found := jupyter.Find(ctx, root); found != nil {
		program = found.String() + ", " + found.Path
	}
	for _, p := range []struct{ what, path, note string }{
		{"Jupyter", program, "go run ./kernel up installs it; or: apt-get install --no-install-recommends jupyter-notebook"},
		{"gopls", jupyter.FindGopls(root), "completes names in cells: go run ./kernel up builds it"},
		{"Chromium", chromium, "for the browser tests only: apt-get install chromium"},
	} {
		if p.path != "" {
			row(p.what, "ok", p.path)
		} else {
			row(p.what, "missing", p.note)
		}
	}
	for _, f := range []struct{ what, path string }{
		{"GoNB", "bin/gonb"}, {"goimports", "shim/goimports"}, {"kernelspec", "jupyter/kernels/trustsr/kernel.json"},
	} {
		path := filepath.Join(root, ".lab", f.path)
		if _, err := os.Stat(path); err == nil {
			row(f.what, "ok", path)
		} else {
			row(f.what, "missing", "made by go run ./kernel up or exec")
		}
	}
	began := time.Now()
	if err := cell(ctx, root); err != nil {
		row("a notebook cell", fails, err.Error())
	} else {
		row("a notebook cell", "ok", fmt.Sprintf("kernel started, one cell run, all stopped: %.1f s", time.Since(began).Seconds()))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return hint.With(fmt.Errorf("doctor: fails: %s", strings.Join(failed, ", ")), "the rows above say why")
	}
	return nil
}

// oneCell sets the kernel up, starts it with its engine, and runs one cell
// that asks the engine.
func oneCell(ctx context.Context, root string) error {
	dir, err := os.MkdirTemp("", "trustsr-doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	notebook := filepath.Join(dir, "doctor.ipynb")
	cell := `{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}, "outputs": [],
		"execution_count": null, "source": "import \"github.com/trustsr/trustsr/kernel/lab\"\n%%\nlab.Engine()"}]}`
	if err := os.WriteFile(notebook, []byte(cell), 0o644); err != nil {
		return err
	}
	return jupyter.Exec(ctx, jupyter.ExecOptions{Root: root, Notebook: notebook, Timeout: time.Minute, Progress: os.Stderr})
}

// halfPrecision measures how far a UNet call in bfloat16 is from one in
// float32.
func halfPrecision(m *ldm.Model) (string, error) {
	half, err := m.BFloat16()
	if err != nil {
		return "", err
	}
	x := &ldm.Tensor{Shape: []int{4, 3, 7, 7}, Data: make([]float32, 4*3*7*7)}
	lr := &ldm.Tensor{Shape: []int{4, 1, 7, 7}, Data: make([]float32, 4*7*7)}
	srspace.Noise(x.Data, 1, 0)
	t := []float32{999, 700, 300, 1}
	want, err := m.Denoise(x, lr, t)
	if err != nil {
		return "", err
	}
	got, err := half.Denoise(x, lr, t)
	if err != nil {
		return "", err
	}
	var largest, apart float64
	for i, v := range want.Data {
		largest = max(largest, math.Abs(float64(v)))
		apart = max(apart, math.Abs(float64(v-got.Data[i])))
	}
	return fmt.Sprintf("a UNet call is within %.2g %% of float32's, of the largest value", 100*apart/largest), nil
}
