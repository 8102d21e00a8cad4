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

	"github.com/trustsr/trustsr/srspace"
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
	const hint = "install Jupyter Notebook, e.g.: sudo apt-get install --no-install-recommends jupyter-notebook"
	var failed []error
	for _, install := range []func(context.Context, io.Writer) error{aptInstall, l.pipInstall} {
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
	return "", srspace.WithHint(errors.Join(append([]error{errNoJupyter}, failed...)...), hint)
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

func (l layout) venv() string { return l.path("venv") }

// aptInstall installs Debian's package, as root or with a sudo that asks
// nothing.
func aptInstall(ctx context.Context, progress io.Writer) error {
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
	fmt.Fprintln(progress, "installing Debian's jupyter-notebook (about 19 MB to download, 116 MB on disk) …")
	install := []string{"apt-get", "install", "-y", "--no-install-recommends", "jupyter-notebook"}
	if err := run(ctx, append(sudo, install...)...); err == nil {
		return nil
	}
	// a machine without package lists, or with old ones
	if err := run(ctx, append(sudo, "apt-get", "update")...); err != nil {
		return err
	}
	return run(ctx, append(sudo, install...)...)
}

// pipInstall makes a virtual environment under .lab; pip leaves nothing
// elsewhere.
func (l layout) pipInstall(ctx context.Context, progress io.Writer) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return errNotHere
	}
	fmt.Fprintln(progress, "installing Jupyter Notebook with pip into .lab/venv (about 60 MB to download) …")
	if err := run(ctx, python, "-m", "venv", l.venv()); err != nil {
		return err
	}
	return run(ctx, filepath.Join(l.venv(), "bin", "python"), "-m", "pip", "install", "--quiet", notebookRelease)
}

// run runs a program that asks nothing; its error holds what it printed.
func run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		const most = 1500 // the end tells why
		out = bytes.TrimSpace(out)
		return fmt.Errorf("%s: %w: %s", args[0], err, out[max(0, len(out)-most):])
	}
	return nil
}
