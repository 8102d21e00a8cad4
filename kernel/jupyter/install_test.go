package jupyter

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// machine makes a PATH of nothing but the given shell scripts, and $PLACE, a
// folder on it.
func machine(t *testing.T, scripts map[string]string) layout {
	t.Helper()
	dir := t.TempDir()
	for name, body := range scripts {
		script := "#!/bin/sh\nPATH=/usr/bin:/bin\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PLACE", dir)
	t.Setenv("PATH", dir)
	return layout{t.TempDir()}
}

const (
	makeJupyter = `printf '#!/bin/sh\necho 6.4.12\n' > "$1/jupyter-notebook"; chmod +x "$1/jupyter-notebook"`
	// python3 is new enough; python3 -m venv DIR leaves a python that takes "-m
	// pip install" for an order to make the program beside itself
	fakeVenv = `[ "$1" = -c ] && exit 0
mkdir -p "$3/bin"; cat > "$3/bin/python" <<'END'
#!/bin/sh
PATH=/usr/bin:/bin
[ "$3" = install ] || exit 3
f="$(dirname "$0")/jupyter-lab"; printf '#!/bin/sh\necho 4.6.1\n' > "$f"; chmod +x "$f"
END
chmod +x "$3/bin/python"`
	asRoot = `shift; exec "$@"`
)

func TestFindJupyter(t *testing.T) {
	apt := `set -- "$PLACE"; ` + makeJupyter
	for _, c := range []struct {
		name    string
		scripts map[string]string
		want    string // end of the path, "" for an error
		failure string // in the error
	}{
		{"there", map[string]string{"jupyter-notebook": "echo 6.4.12", "apt-get": "exit 1"}, "/jupyter-notebook", ""},
		{"by apt", map[string]string{"apt-get": apt, "sudo": asRoot}, "/jupyter-notebook", ""},
		{"by apt after an update", map[string]string{"sudo": asRoot,
			"apt-get": `[ $1 = update ] && touch "$PLACE/lists" && exit 0; [ -e "$PLACE/lists" ] || exit 100; ` + apt}, "/jupyter-notebook", ""},
		{"by pip where apt fails", map[string]string{"sudo": asRoot, "apt-get": "exit 100", "python3": fakeVenv}, ".lab/venv/bin/jupyter-lab", ""},
		{"by pip where there is no apt", map[string]string{"python3": fakeVenv}, ".lab/venv/bin/jupyter-lab", ""},
		{"nothing to install with", nil, "", "no Jupyter on this machine"},
		{"no network", map[string]string{"apt-get": "echo chatter; echo no route >&2; exit 100", "sudo": asRoot, "python3": "[ $1 = -c ] && exit 0; echo no venv; exit 1"}, "", "no route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := machine(t, c.scripts)
			var progress bytes.Buffer
			found, err := findJupyter(context.Background(), l, false, &progress)
			got := ""
			if found != nil {
				got = found.Path
			}
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), c.failure) || hint.Of(err) == "" {
					t.Fatalf("got %q, error %v, hint %q", got, err, hint.Of(err))
				}
				if strings.Contains(err.Error(), "chatter") {
					t.Errorf("more than the last line is told: %v", err)
				}
				if log, _ := os.ReadFile(l.path("install.log")); c.scripts != nil && !strings.Contains(string(log), "chatter") {
					t.Errorf("the log lacks what was printed: %s", log)
				}
				if Find(t.Context(), l.root) != nil {
					t.Error("Find finds what is not there")
				}
				return
			}
			if err != nil || !strings.HasSuffix(got, c.want) {
				t.Fatalf("got %q, error %v\n%s", got, err, &progress)
			}
			if found := Find(t.Context(), l.root); found == nil || found.Path != got {
				t.Errorf("Find: %v, want %q", found, got)
			}
			if again, err := findJupyter(context.Background(), l, false, &progress); err != nil || again.Path != got {
				t.Errorf("second time: %v, %v", again, err)
			}
		})
	}
}

// TestSudoThatAsks: a machine whose sudo wants a password is not asked for
// one; pip it is.
func TestSudoThatAsks(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("runs as root, which needs no sudo")
	}
	l := machine(t, map[string]string{"apt-get": "exit 1", "sudo": "exit 1", "python3": fakeVenv})
	if got, err := findJupyter(context.Background(), l, false, &bytes.Buffer{}); err != nil || !strings.Contains(got.Path, "venv") {
		t.Fatal(fmt.Sprint(got, err))
	}
}

// The user's own modern Jupyter goes first, and a broken one does not end it.
func TestBestJupyter(t *testing.T) {
	for _, c := range []struct {
		name    string
		scripts map[string]string
		lab     bool
		want    string // "" is none
		told    string
	}{
		{"JupyterLab before a classic Notebook", map[string]string{"jupyter-notebook": "echo 6.4.12", "jupyter-lab": "echo 4.6.1"}, false, "JupyterLab 4.6.1", ""},
		{"Notebook 7", map[string]string{"jupyter-notebook": "echo warning; echo 7.6.0"}, false, "Jupyter Notebook 7.6.0", ""},
		{"classic", map[string]string{"jupyter-notebook": "echo 6.5.7"}, false, "Jupyter Notebook 6.5.7", ""},
		{"a broken one", map[string]string{"jupyter-lab": "echo No module named jupyterlab >&2; exit 1", "jupyter-notebook": "echo 6.5.7"}, false, "Jupyter Notebook 6.5.7", "No module named"},
		{"one that says nothing", map[string]string{"jupyter-lab": ""}, false, "", "says"},
		{"Lab is wanted", map[string]string{"jupyter-notebook": "echo 7.6.0"}, true, "", ""},
	} {
		l := machine(t, c.scripts)
		var progress bytes.Buffer
		got, err := l.best(t.Context(), c.lab, &progress)
		text := ""
		if got != nil {
			text = got.String()
		}
		if err != nil || text != c.want || !strings.Contains(progress.String(), c.told) {
			t.Errorf("%s: %q, %v, told %q; want %q", c.name, text, err, &progress, c.want)
		}
	}
	l := machine(t, map[string]string{"jupyter-lab": "echo 4.6.1", "other": "echo 6.5.7"})
	t.Setenv(EnvProgram, filepath.Join(os.Getenv("PLACE"), "other"))
	if got, err := l.best(t.Context(), false, &bytes.Buffer{}); err != nil || !got.Classic() {
		t.Errorf("the program that is named: %v, %v", got, err)
	}
	t.Setenv(EnvProgram, "/nonexistent")
	if got, err := l.best(t.Context(), false, &bytes.Buffer{}); err == nil || hint.Of(err) == "" {
		t.Errorf("a program that is not there: %v, %v", got, err)
	}
}
