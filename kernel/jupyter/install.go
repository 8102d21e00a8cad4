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

// notebookRelease is what pip installs: the last classic notebook, as Debian
// 12 ships, with which the pages are tested.
const notebookRelease = "notebook>=6.5,<7"

var errNoJupyter = errors.New("no Jupyter on this machine")

// findJupyter returns the program jupyter-notebook. Without one it installs
// Debian's where that is allowed without a password, else a private copy
// under .lab with pip.
func findJupyter(ctx context.Context, l layout, progress io.Writer) (string, error) {
	if program := l.jupyter(); program != "" {
		return program, nil
	}
	const advice = "install Jupyter Notebook, e.g.: sudo apt-get install --no-install-recommends jupyter-notebook"
	var failed []error
	for _, install := range []func(context.Context, io.Writer) error{l.aptInstall, l.pipInstall} {
		if err := install(ctx, progress); errors.Is(err, errNotHere) {
			continue
		} else if err != nil {
			fmt.Fprintln(progress, "that failed")
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if program := l.jupyter(); program != "" {
			return program, nil
		}
	}
	return "", hint.With(errors.Join(append([]error{errNoJupyter}, failed...)...), advice)
}

// errNotHere says that a way to install is not open on this machine.
var errNotHere = errors.New("cannot be used here")

// jupyter returns the path of jupyter-notebook, the machine's or the private
// copy's, or "".
func (l layout) jupyter() string {
	if path, err := exec.LookPath("jupyter-notebook"); err == nil {
		return path
	}
	path, _ := exec.LookPath(filepath.Join(l.venv(), "bin", "jupyter-notebook"))
	return path
}

// Find returns the path of the jupyter-notebook that [Up] would start, or ""
// where it would have to install one.
func Find(root string) string { return layout{root}.jupyter() }

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
	fmt.Fprintln(progress, "installing Jupyter Notebook with pip into .lab/venv (about 60 MB to download) …")
	if err := l.run(ctx, python, "-m", "venv", l.venv()); err != nil {
		return err
	}
	return l.run(ctx, filepath.Join(l.venv(), "bin", "python"), "-m", "pip", "install", "--quiet", notebookRelease)
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
