package checkout_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/checkout"
)

const module = "github.com/trustsr/trustsr/"

// floors are the rooms of the repository from the bottom up. The longest path
// that begins a package's name is its room. A package imports its own room and
// lower floors, so metrics and ensemble do not know each other.
var floors = [][]string{
	{"internal"},
	{"srspace"},
	{"metrics", "ensemble"},
	{"kernel/wire"},
	{"kernel/pages", "kernel/jupyter"},
	{"kernel/app"},
	{"kernel/engine", "kernel/bench", "kernel/lab"},
	{"kernel/command"},
	{"kernel"},
	{"notebooks"},
}

// room returns the room of a package, named without the module, and its floor;
// "" where it has none.
func room(name string) (room string, floor int) {
	for i, rooms := range floors {
		for _, r := range rooms {
			if (name == r || strings.HasPrefix(name, r+"/")) && len(r) > len(room) {
				room, floor = r, i
			}
		}
	}
	return room, floor
}

// may says whether a package may import another.
func may(importer, imported string) bool {
	from, above := room(importer)
	to, below := room(imported)
	return from == to || below < above
}

// No import runs up.
func TestNoImportRunsUp(t *testing.T) {
	for _, c := range []struct {
		importer, imported string
		want               bool
	}{
		{"kernel/command", "kernel/app", true}, {"kernel/app", "kernel/command", false},
		{"metrics", "ensemble", false}, {"ensemble", "metrics/nrqm", false},
		{"srspace/ldm", "srspace", true}, {"srspace", "metrics", false},
		{"internal/nn", "srspace", false}, {"kernel/engine", "kernel/lab", false},
	} {
		if got := may(c.importer, c.imported); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.importer, c.imported, got, c.want)
		}
	}
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	list.Dir = checkout.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	arrows := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		importer := strings.TrimPrefix(p.ImportPath, module)
		if r, _ := room(importer); r == "" {
			t.Errorf("%s is in no room", importer)
		}
		for _, imported := range p.Imports {
			imported, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			arrows++
			if !may(importer, imported) {
				t.Errorf("%s imports %s", importer, imported)
			}
		}
	}
	if arrows < 100 {
		t.Errorf("%d imports were looked at, want 100 or more", arrows)
	}
}
