//go:build amd64 && !amd64.v3 && goexperiment.simd

package backend

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A program that starts again as FasterEnvironment says has math.Exp at
// full speed, and no reason to start once more.
func TestFasterEnvironment(t *testing.T) {
	if os.Getenv("TRUSTSR_TEST_STARTED_AGAIN") != "" {
		if FasterEnvironment() != nil {
			t.Error("it would start again for ever")
		}
		if times := TimeExp(); times.Slow() {
			t.Errorf("math.Exp is slow still: %+v", times)
		}
		return
	}
	t.Setenv("GODEBUG", "")
	env := FasterEnvironment()
	if env == nil {
		t.Skipf("nothing to set: %+v", TimeExp())
	}
	settings := 0
	for _, v := range env {
		if strings.HasPrefix(v, "GODEBUG=") {
			settings++
		}
	}
	if settings != 1 {
		t.Errorf("%d GODEBUG in the environment, want 1", settings)
	}
	again := exec.Command(os.Args[0], "-test.run=^TestFasterEnvironment$")
	again.Env = append(env, "TRUSTSR_TEST_STARTED_AGAIN=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What somebody set is left alone.
func TestFasterEnvironmentLeavesSettings(t *testing.T) {
	t.Setenv("GODEBUG", "cpu.avx2=on")
	if env := FasterEnvironment(); env != nil {
		t.Error("a setting of the processor was added to")
	}
}
