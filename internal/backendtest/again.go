package backendtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backend"
)

// Again runs tests of the calling package again, by a pattern as for go test
// -run, each time in a process where another installed backend is the one
// chosen. It is for tests whose code opens the chosen backend.
func Again(t *testing.T, pattern string) {
	t.Helper()
	const again = "TRUSTSR_TEST_AGAIN"
	if os.Getenv(again) != "" {
		return
	}
	chosen := backend.Name(backend.Choose().Config)
	EachName(t, func(t *testing.T, name string) {
		if name == chosen {
			t.Skip("the tests of this process run on it")
		}
		if name == "go" && !backend.SIMD() {
			t.Skip("takes a quarter of an hour without vector code: set GOEXPERIMENT=simd")
		}
		c := exec.Command(os.Args[0], "-test.run="+pattern, "-test.v")
		c.Env = append(os.Environ(), again+"=1", compute.ConfigEnvVar+"="+exact(name))
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), "--- PASS") {
			t.Errorf("no test of %s ran:\n%s", pattern, out)
		}
	})
}
