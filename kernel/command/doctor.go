package command

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/srspace/digits"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Tell what is installed, what is used and why, what is missing",
		Example: "  go run ./kernel doctor",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			root, err := projectRoot()
			if err != nil {
				return err
			}
			return doctor(c.OutOrStdout(), root)
		},
	}
}

func doctor(out io.Writer, root string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what, state, note string) { fmt.Fprintf(w, "%s\t%s\t%s\n", what, state, note) }
	row("project", "ok", root)
	row("Go", "ok", runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH)
	if backend.SIMD() {
		row("vector code of the Go backend", "ok", "built with GOEXPERIMENT=simd")
	} else {
		row("vector code of the Go backend", "missing", "start through go run ./kernel; without it sampling is ten times slower")
	}
	choice := backend.Choose()
	row("graphs run on", choice.Config, choice.Reason)
	if _, err := backend.Open(choice.Config); err != nil {
		row("that backend", "fails", err.Error())
	}
	if lib := backend.ONNXLibrary(); lib != "" {
		row("ONNX Runtime", "ok", lib)
	} else {
		row("ONNX Runtime", "missing", "optional, about twice as fast: put libonnxruntime.so (1.26 or newer) into ~/.local/lib/onnxruntime/")
	}
	if _, err := digits.Open(choice.Config); err != nil {
		row("digit model", "fails", err.Error())
	} else {
		row("digit model", "ok", "embedded")
	}
	for _, p := range []struct{ what, program, note string }{
		{"Jupyter", "jupyter-notebook", "go run ./kernel up installs it; or: apt-get install --no-install-recommends jupyter-notebook"},
		{"Chromium", "chromium", "for the browser tests only: apt-get install chromium"},
	} {
		if path, err := exec.LookPath(p.program); err == nil {
			row(p.what, "ok", path)
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
	return w.Flush()
}
