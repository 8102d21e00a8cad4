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
	makeJupyter = `printf '#!/bin/sh\n' > "$1/jupyter-notebook"; chmod +x "$1/jupyter-notebook"`
	// python3 -m venv DIR leaves a python that takes "-m pip install" for an
	// order to make the program beside itself
	fakeVenv = `mkdir -p "$3/bin"; cat > "$3/bin/python" <<'END'
#!/bin/sh
PATH=/usr/bin:/bin
[ "$3" = install ] || exit 3
f="$(dirname "$0")/jupyter-notebook"; printf '#!/bin/sh\n' > "$f"; chmod +x "$f"
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
		{"there", map[string]string{"jupyter-notebook": "", "apt-get": "exit 1"}, "/jupyter-notebook", ""},
		{"by apt", map[string]string{"apt-get": apt, "sudo": asRoot}, "/jupyter-notebook", ""},
		{"by apt after an update", map[string]string{"sudo": asRoot,
			"apt-get": `[ $1 = update ] && touch "$PLACE/lists" && exit 0; [ -e "$PLACE/lists" ] || exit 100; ` + apt}, "/jupyter-notebook", ""},
		{"by pip where apt fails", map[string]string{"sudo": asRoot, "apt-get": "exit 100", "python3": fakeVenv}, ".lab/venv/bin/jupyter-notebook", ""},
		{"by pip where there is no apt", map[string]string{"python3": fakeVenv}, ".lab/venv/bin/jupyter-notebook", ""},
		{"nothing to install with", nil, "", "no Jupyter on this machine"},
		{"no network", map[string]string{"apt-get": "echo chatter; echo no route >&2; exit 100", "sudo": asRoot, "python3": "echo no venv; exit 1"}, "", "no route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := machine(t, c.scripts)
			var progress bytes.Buffer
			got, err := findJupyter(context.Background(), l, &progress)
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
				if Find(l.root) != "" {
					t.Error("Find finds what is not there")
				}
				return
			}
			if err != nil || !strings.HasSuffix(got, c.want) {
				t.Fatalf("got %q, error %v\n%s", got, err, &progress)
			}
			if found := Find(l.root); found != got {
				t.Errorf("Find: %q, want %q", found, got)
			}
			if again, err := findJupyter(context.Background(), l, &progress); err != nil || again != got {
				t.Errorf("second time: %q, %v", again, err)
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
	if got, err := findJupyter(context.Background(), l, &bytes.Buffer{}); err != nil || !strings.Contains(got, "venv") {
		t.Fatal(fmt.Sprint(got, err))
	}
}
