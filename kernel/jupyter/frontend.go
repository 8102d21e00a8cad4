package jupyter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
)

// EnvProgram is the environment variable that names the Jupyter program to
// start, a jupyter-lab or a jupyter-notebook, in place of the best one found.
const EnvProgram = "TRUSTSR_JUPYTER"

// FrontEnd is a Jupyter program of this machine.
type FrontEnd struct {
	Path    string
	Lab     bool
	Version string
	major   int
}

func (f FrontEnd) String() string {
	name := "Jupyter Notebook"
	if f.Lab {
		name = "JupyterLab"
	}
	return name + " " + f.Version
}

// Classic reports whether it is Notebook 6 or older, with a server of its own.
func (f FrontEnd) Classic() bool { return !f.Lab && f.major < 7 }

var versionNumber = regexp.MustCompile(`(?m)^(\d+)\.\d+\S*`)

// askVersion asks a program for its version.
func askVersion(ctx context.Context, path string) (FrontEnd, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	f := FrontEnd{Path: path, Lab: strings.Contains(filepath.Base(path), "lab")}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			said := strings.TrimSpace(string(exit.Stderr))
			err = fmt.Errorf("%w: %.200s", err, said[strings.LastIndexByte(said, '\n')+1:])
		}
		return f, fmt.Errorf("%s --version: %w", path, err)
	}
	found := versionNumber.FindStringSubmatch(string(out))
	if found == nil {
		return f, fmt.Errorf("%s --version says %.100q", path, out)
	}
	f.Version = found[0]
	f.major, err = strconv.Atoi(found[1])
	return f, err
}

// programs lists the Jupyter programs of the PATH, in its order, and those
// that we have installed.
func (l layout) programs(names ...string) (paths []string) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), filepath.Join(l.venv(), "bin")) {
		for _, name := range names {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// best returns the Jupyter to start: the first modern one, JupyterLab or
// Notebook 7, else a classic Notebook. A program that does not say its version
// is broken: it is named, and the next one tried.
func (l layout) best(ctx context.Context, lab bool, progress io.Writer) (*FrontEnd, error) {
	if path := os.Getenv(EnvProgram); path != "" {
		f, err := askVersion(ctx, path)
		if err != nil {
			return nil, hint.With(fmt.Errorf("%s: %w", EnvProgram, err), "name a jupyter-lab or a jupyter-notebook, or nothing")
		}
		return &f, nil
	}
	names := []string{"jupyter-lab", "jupyter-notebook"}
	if lab {
		names = names[:1]
	}
	var classic *FrontEnd
	for _, path := range l.programs(names...) {
		f, err := askVersion(ctx, path)
		switch {
		case err != nil:
			fmt.Fprintf(progress, "a Jupyter that does not work is passed over: %v\n", err)
		case !f.Classic():
			return &f, nil
		case classic == nil:
			classic = &f
		}
	}
	return classic, ctx.Err()
}

// Find returns the Jupyter that [Up] would start, or nil where it would have
// to install one.
func Find(ctx context.Context, root string) *FrontEnd {
	f, _ := layout{root}.best(ctx, false, io.Discard)
	return f
}

// FindClassic returns a classic Notebook of this machine, or nil.
func FindClassic(ctx context.Context, root string) *FrontEnd {
	for _, path := range (layout{root}).programs("jupyter-notebook") {
		if f, err := askVersion(ctx, path); err == nil && f.Classic() {
			return &f
		}
	}
	return nil
}

// page is the path below Jupyter's base that opens a notebook.
func (f FrontEnd) page(notebook string) string {
	if f.Lab {
		return "lab/tree/" + notebook
	}
	return "notebooks/" + notebook
}

// server is the name of the application whose options the server has.
func (f FrontEnd) server() string {
	if f.Classic() {
		return "NotebookApp"
	}
	return "ServerApp"
}
