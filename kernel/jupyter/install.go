package jupyter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// labRelease is what pip installs where there is no Jupyter.
const labRelease = "jupyterlab>=4,<5"

var errNoJupyter = errors.New("no Jupyter on this machine")

// findJupyter returns the Jupyter to start. Without one it installs Debian's
// Notebook where that is allowed without a password, else a private JupyterLab
// under .lab with pip; where JupyterLab is wanted, that.
func findJupyter(ctx context.Context, l layout, lab bool, progress io.Writer) (*FrontEnd, error) {
	f, err := l.best(ctx, lab, progress)
	if err != nil || f != nil {
		return f, err
	}
	advice := "install Jupyter Notebook, e.g.: sudo apt-get install --no-install-recommends jupyter-notebook"
	ways := []func(context.Context, io.Writer) error{l.aptInstall, l.pipInstall}
	if lab {
		ways, advice = ways[1:], "install JupyterLab, e.g.: pip install jupyterlab"
	}
	var failed []error
	for _, install := range ways {
		if err := install(ctx, progress); errors.Is(err, errNotHere) {
			continue
		} else if err != nil {
			fmt.Fprintln(progress, "that failed")
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if f, err := l.best(ctx, lab, io.Discard); err != nil || f != nil {
			return f, err
		}
	}
	return nil, hint.With(errors.Join(append([]error{errNoJupyter}, failed...)...), advice)
}

// errNotHere says that a way to install is not open on this machine.
var errNotHere = errors.New("cannot be used here")

func (l layout) venv() string { return l.path("venv") }

// aptInstall installs Debian's package, as root or with a sudo that asks
// nothing.
func (l layout) aptInstall(ctx context.Context, progress io.Writer) error {
	return l.apt(ctx, progress, "jupyter-notebook", "about 19 MB to download, 116 MB on disk")
}

// AptInstall installs a package of Debian where that is allowed without a
// password, and says so with its size. What apt prints goes to install.log
// under root's .lab.
func AptInstall(ctx context.Context, root string, progress io.Writer, name, size string) error {
	return layout{root}.apt(ctx, progress, name, size)
}

// apt installs a package of Debian.
func (l layout) apt(ctx context.Context, progress io.Writer, name, size string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errNotHere
	}
	var sudo []string
	if os.Geteuid() != 0 {
		if exec.CommandContext(ctx, "sudo", "-n", "true").Run() != nil {
			return errNotHere
		}
		sudo = []string{"sudo", "-n"}
	}
	fmt.Fprintf(progress, "installing Debian's %s (%s) …\n", name, size)
	install := []string{"apt-get", "install", "-y", "--no-install-recommends", name}
	if err := l.run(ctx, append(sudo, install...)...); err == nil {
		return nil
	}
	// a machine without package lists, or with old ones
	if err := l.run(ctx, append(sudo, "apt-get", "update")...); err != nil {
		return err
	}
	return l.run(ctx, append(sudo, install...)...)
}

// pipInstall makes a virtual environment under .lab; pip leaves nothing
// elsewhere.
func (l layout) pipInstall(ctx context.Context, progress io.Writer) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return errNotHere
	}
	// JupyterLab 4 needs Python 3.9; without ensurepip there is no venv
	if exec.CommandContext(ctx, python, "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))").Run() != nil {
		return errNotHere
	}
	fmt.Fprintln(progress, "installing JupyterLab with pip into .lab/venv (about 60 MB to download, 250 MB on disk) …")
	if err := l.run(ctx, python, "-m", "venv", l.venv()); err != nil {
		return err
	}
	return l.run(ctx, filepath.Join(l.venv(), "bin", "python"), "-m", "pip", "install", "--quiet", labRelease)
}

// run runs a program that asks nothing. What it prints goes to install.log
// under .lab; its error holds the last line.
func (l layout) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	out = bytes.TrimSpace(out)
	last := string(out[bytes.LastIndexByte(out, '\n')+1:])
	if r := []rune(last); len(r) > 200 {
		last = string(r[:200]) + "…"
	}
	err = fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, last)
	path := l.path("install.log")
	if os.MkdirAll(l.path(), 0o755) != nil {
		return err // what matters is told
	}
	log, e := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if e != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "%s\n%s\n\n", strings.Join(args, " "), out)
	return fmt.Errorf("%w (all it said is in %s)", err, path)
}
