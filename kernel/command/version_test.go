package command

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace"
)

func TestVersion(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, ""},
		{&debug.BuildInfo{GoVersion: "go1.26.5", Main: debug.Module{Version: "v1.2.3"}}, " (module v1.2.3, go1.26.5, no vector code)"},
		{&debug.BuildInfo{GoVersion: "go1.26.5", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
			setting("vcs.revision", "0123abcd"), setting("vcs.modified", "true"), setting("GOOS", "linux"), setting("GOARCH", "amd64"), setting("GOEXPERIMENT", "simd"),
		}}, " (revision 0123abcd with changes, go1.26.5, linux/amd64, vector code)"},
	} {
		if got := version(c.info); got != srspace.Version+c.want {
			t.Errorf("%q, want %q", got, srspace.Version+c.want)
		}
	}
	if out, err := runLine(t, "--version"); err != nil || !strings.HasPrefix(out, "trustsr "+srspace.Version) {
		t.Errorf("--version: %q, %v", out, err)
	}
}

// Help and completions call the command what it is called.
func TestName(t *testing.T) {
	for line, word := range map[string]string{"--help": "  trustsr [command]", "study --help": "  trustsr study [command]", "completion bash": "complete -o default -F __start_trustsr trustsr"} {
		if out, err := runLine(t, strings.Fields(line)...); err != nil || !strings.Contains(out, word) {
			t.Errorf("%s: no %q in\n%.400s (%v)", line, word, out, err)
		}
	}
}
