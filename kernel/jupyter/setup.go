// Package jupyter sets up the Go notebook kernel, starts Jupyter, and runs
// notebooks without it.
//
// Everything it makes lies under .lab/ in the project: the GoNB kernel and
// goimports, a folder that comes first on the kernel's PATH, the kernelspec,
// and temporary files.
package jupyter

import (
	"context"

	"github.com/trustsr/trustsr/internal/gobuild"
	"github.com/trustsr/trustsr/internal/hint"

	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// KernelName is the kernelspec's name, as notebooks refer to it.
const KernelName = "trustsr"

// layout names the files under .lab.
type layout struct{ root string }

func (l layout) path(elem ...string) string {
	return filepath.Join(append([]string{l.root, ".lab"}, elem...)...)
}
func (l layout) gonb() string    { return l.path("bin", "gonb") }
func (l layout) command() string { return l.path("bin", "trustsr") }
func (l layout) runner() string  { return l.path("bin", "cell-runner") }
func (l layout) shim() string    { return l.path("shim") }
func (l layout) tmp() string     { return l.path("tmp") }
func (l layout) spec() string    { return l.path("jupyter", "kernels", KernelName) }

// shimScript stands before the real go on the kernel's PATH. GoNB runs
// "go get" before every cell, which would ask the network for the newest
// version of every import; the project's go.mod has them all.
//
// It then builds the cell's program, at a place where GoNB starts it. The
// runner goes to that place (package runner), the program beside it.
const shimScript = `#!/bin/sh
case "$1 $#$2" in "get 1"|"get 2-t") exit 0;; esac
if [ "$1 $2" = "work use" ] && [ -n "$GONB_TMP_DIR" ]; then # the workspace of cells
	%[1]s "$@" && exec %[1]s work edit -replace=github.com/janpfeifer/gonb=%[3]s
	exit 1
fi
cell="$GONB_TMP_DIR/${GONB_TMP_DIR##*/}"
case "$GONB_TMP_DIR|$1 $2 $3 $4" in
"|"*) ;;
*"|build -o $cell "*)
	shift 3
	%[1]s build -o "$cell.program" "$@" && exec ln -sf %[2]s "$cell"
	exit 1 ;;
*"|test -c -o $cell")
	shift 4
	%[1]s test -c -o "$cell.program" "$@" && exec ln -sf %[2]s "$cell"
	exit 1 ;;
esac
exec %[1]s "$@"
`

// goplsScript stands before a gopls of the PATH. GoNB would start one and ask it
// while cells wait; the kernel has its own (package lookup).
const goplsScript = `#!/bin/sh
case "$1" in -listen) exit 0;; esac
exec %s "$@"
`

// gopls returns the path of the gopls that completes names, the one of the
// set-up or else the user's own, or "".
func (l layout) gopls() string {
	if path, err := exec.LookPath(l.path("bin", "gopls")); err == nil {
		return path
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if dir == l.shim() {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, "gopls")); err == nil {
			return path
		}
	}
	return ""
}

// FindGopls returns the path of the gopls that completes names in cells, or
// "" where there is none.
func FindGopls(root string) string { return layout{root}.gopls() }

// buildGopls builds gopls, which completes and explains names in cells. It is
// a module of its own: its requirements are not ours.
func (l layout) buildGopls(ctx context.Context, progress io.Writer) error {
	if err := build(ctx, filepath.Join(l.root, "kernel", "jupyter", "gopls"), "gopls, which completes names in cells", "go",
		[]string{"-ldflags=-s -w", "-o", l.path("bin", "gopls"), "golang.org/x/tools/gopls"}, append(os.Environ(), "GOWORK=off"), progress); err != nil {
		return fmt.Errorf("names are not completed in cells: %w", err)
	}
	return nil
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func shimFor(goTool, runner, gonbui string) []byte {
	return fmt.Appendf(nil, shimScript, quoteShell(goTool), quoteShell(runner), quoteShell(gonbui))
}

// experiment is what the command itself is built with. Cells, GoNB and
// goimports do not need it, but with it they share the compiled standard
// library with the command: half a minute less on the first day.
const experiment = "GOEXPERIMENT=simd"

// environment is what the kernel and its cells run in: the shim first on the
// PATH, executables without debug tables (half the link time), temporary
// files under .lab.
func (l layout) environment(env []string) []string {
	flags, path := "-ldflags=-s", os.Getenv("PATH")
	out := make([]string, 0, len(env)+6)
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "GOFLAGS":
			switch {
			case strings.Contains(value, "-ldflags"): // ours already, or the user's own
				flags = value
			case value != "":
				flags = value + " -ldflags=-s"
			}
		case "PATH":
			path = value
		case "TMPDIR", "GOEXPERIMENT", "TRUSTSR_ROOT", envJupyterToken:
		default:
			out = append(out, kv)
		}
	}
	if !strings.HasPrefix(path, l.shim()+string(os.PathListSeparator)) {
		path = l.shim() + string(os.PathListSeparator) + path
	}
	return append(out, experiment, "PATH="+path, "GOFLAGS="+flags, "TMPDIR="+l.tmp(), "TRUSTSR_ROOT="+l.root)
}

// goFlags returns the user's GOFLAGS, also where "go env -w" set them: cells
// are compiled with these and ours.
func goFlags() string {
	out, err := exec.Command("go", "env", "GOFLAGS").Output()
	if err != nil {
		return os.Getenv("GOFLAGS")
	}
	return strings.TrimSpace(string(out))
}

// Setup makes everything the kernel needs, or finds it made. It needs Go and
// the modules of go.mod, and no network once they are there.
func Setup(ctx context.Context, root string, progress io.Writer) error {
	l := layout{root}
	if err := l.folders(); err != nil {
		return fmt.Errorf("set up the kernel: %w", err)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return hint.With(fmt.Errorf("set up the kernel: %w", err), "notebook cells are compiled: put Go's bin folder on your PATH")
	}
	if err := os.WriteFile(filepath.Join(l.shim(), "go"), shimFor(goTool, l.runner(), l.gonbui()), 0o755); err != nil {
		return fmt.Errorf("set up the kernel: %w", err)
	}
	if err := l.copyGonbui(ctx, goTool); err != nil {
		return hint.With(fmt.Errorf("set up the kernel: %w", err), "the first set-up needs the network for Go modules; run it once with network")
	}
	if gopls := l.gopls(); gopls != "" {
		if err := os.WriteFile(filepath.Join(l.shim(), "gopls"), fmt.Appendf(nil, goplsScript, quoteShell(gopls)), 0o755); err != nil {
			return fmt.Errorf("set up the kernel: %w", err)
		}
	}
	if err := l.kernelspec(l.spec()); err != nil {
		return fmt.Errorf("set up the kernel: %w", err)
	}
	steps := []struct {
		what string
		args []string
		env  []string
	}{
		{"GoNB, the notebook kernel", []string{"-o", l.gonb(), "github.com/janpfeifer/gonb"}, append(os.Environ(), experiment)},
		{"the runner of cells", []string{"-ldflags=-s -w", "-o", l.runner(), "./kernel/jupyter/runner"}, append(os.Environ(), experiment)},
		{"goimports", []string{"-o", filepath.Join(l.shim(), "goimports"), "golang.org/x/tools/cmd/goimports"}, append(os.Environ(), experiment)},
		// what cells import, compiled with the flags cells are compiled with
		{"the notebook package", []string{"-o", os.DevNull, "./kernel/lab/warm"}, append(l.environment(append(os.Environ(), "GOFLAGS="+goFlags())), "GOWORK="+l.workspace())},
	}
	for _, s := range steps {
		if err := build(ctx, root, s.what, goTool, s.args, s.env, progress); err != nil {
			return err
		}
	}
	return nil
}

// build runs go build in a folder.
func build(ctx context.Context, dir, what, goTool string, args, env []string, progress io.Writer) error {
	err := gobuild.Run(ctx, gobuild.Options{Tool: goTool, What: what, Dir: dir, Args: args, Env: env, Progress: progress})
	if err != nil {
		return hint.With(err, "the first set-up needs the network for Go modules; run it once with network")
	}
	return nil
}

// folders makes the folders under .lab, and removes what killed kernels left
// in the temporary one: GoNB's build folders hold twelve megabytes a session,
// and connection files a key.
func (l layout) folders() error {
	for _, dir := range []string{l.path("bin"), l.shim(), l.tmp(), l.spec()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	sweepPlaces("/tmp")
	sweepFolders(l.tmp())
	return nil
}

//go:embed logo-64x64.png
var logo []byte

// kernelspec writes kernel.json and the logo into dir. An interrupt comes as a signal
// to [Run], which sees what a cell has started; a message would reach GoNB, which stops the
// cell's first process alone.
func (l layout) kernelspec(dir string) error {
	env := map[string]string{}
	for _, kv := range l.environment([]string{"GOFLAGS=" + goFlags()}) {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	spec, err := json.MarshalIndent(map[string]any{
		"argv":           []string{l.command(), "run", "{connection_file}"},
		"display_name":   "Go (trustsr)",
		"language":       "go",
		"interrupt_mode": "signal",
		"env":            env,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "kernel.json"), append(spec, '\n')); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "logo-64x64.png"), logo)
}
