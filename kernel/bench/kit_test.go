package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/backend"
)

// kitResults is results.json.
type kitResults struct {
	Parts []struct {
		Part, State string
		Exit        int
	}
	Reports []json.RawMessage
}

func readKit(t *testing.T, out string) (r kitResults, states string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	var all []string
	for _, p := range r.Parts {
		all = append(all, p.Part+" "+p.State)
	}
	return r, strings.Join(all, ", ")
}

// A part that hangs is cut and one that fails is told; the others' results are
// there.
func TestKitParts(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	kit, out := t.TempDir(), t.TempDir()
	if err := os.CopyFS(kit, os.DirFS("kit")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(kit, "srspace", "ldm"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"ldm.test": `echo "--- PASS: TestBlocks"`,
		"trustsr": `[ $1 = weights ] && exit 0
case "$*" in
*"--only gpu-samples"*) exit 3 ;;
*"--only gpu"*) sleep 60 ;;
esac
while [ $# -gt 0 ]; do
  [ "$1" = --json ] && echo '{"rows": [1]}' >"$2"
  [ "$1" = --markdown ] && echo '| measured |' >"$2"
  shift
done`,
	} {
		if err := os.WriteFile(filepath.Join(kit, name), []byte("#!/usr/bin/env bash\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("bash", filepath.Join(kit, "kit.sh"), "rehearse", out)
	c.Env = append(os.Environ(), "KIT_LIMIT=5")
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	r, states := readKit(t, out)
	if want := "plugin done, goldens done, gpu cut, samples failed, pytorch done"; states != want {
		t.Errorf("parts: %s; want %s", states, want)
	}
	if r.Parts[3].Exit != 3 || len(r.Reports) != 1 || !strings.Contains(string(r.Reports[0]), `"rows"`) {
		t.Errorf("%+v", r)
	}
	table, err := os.ReadFile(filepath.Join(out, "results.md"))
	if err != nil || !strings.Contains(string(table), "| gpu | cut | ") || !strings.Contains(string(table), "| measured |") {
		t.Errorf("%s, %v", table, err)
	}
}

// The whole kit, with small work, on XLA's plugin for the CPU.
func TestKitRehearsal(t *testing.T) {
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("TRUSTSR_LONG is not set: it builds the command")
	}
	if _, err := backend.FindPlugin("cpu"); !backend.HasXLA || err != nil {
		t.Skip("no PJRT plugin for the CPU:", err)
	}
	kit, out := filepath.Join(t.TempDir(), "kit"), t.TempDir()
	for _, args := range [][]string{{"kit/kit.sh", "pack", kit}, {filepath.Join(kit, "kit.sh"), "rehearse", out}} {
		if said, err := exec.Command("bash", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, said)
		}
	}
	packed, err := os.Stat(kit + ".tar.gz")
	if err != nil || packed.Size() > 64<<20 {
		t.Errorf("%v, %v: more than 64 MiB", packed, err)
	}
	r, states := readKit(t, out)
	if want := "plugin done, goldens done, gpu done, samples done, pytorch done"; states != want || len(r.Reports) != 3 {
		t.Errorf("parts: %s, %d reports; want %s", states, len(r.Reports), want)
	}
}
