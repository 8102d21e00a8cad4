package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Python environment with JAX has a plugin for CUDA with NVIDIA's libraries
// beside it, which is found by its real path, and XLA is told of them.
func TestPluginInPython(t *testing.T) {
	if !HasXLA {
		t.Skip("built without cgo")
	}
	noLibraries(t)
	t.Setenv(pluginEnv, "")
	t.Setenv("CONDA_PREFIX", "")
	t.Setenv("PATH", t.TempDir()) // no python3 with another
	env := t.TempDir()
	t.Setenv("VIRTUAL_ENV", env)
	packages := filepath.Join(env, "lib", "python3.12", "site-packages")
	plugin := filepath.Join(packages, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so")
	for _, dir := range []string{filepath.Dir(plugin), filepath.Join(packages, "nvidia", "cu13", "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := FindPlugin("cuda"); err == nil || !strings.Contains(err.Error(), "no PJRT plugin for cuda") {
		t.Errorf("without a plugin: %v", err)
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/bin") // for the C compiler
	built := compiled(t, pluginSource("0", "115"))
	t.Setenv("PATH", t.TempDir())
	if err := os.Rename(built, plugin); err != nil {
		t.Fatal(err)
	}
	plugin, err := filepath.EvalSymlinks(plugin)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FindPlugin("cuda"); err != nil || got != plugin {
		t.Errorf("found %s, %v; want %s", got, err, plugin)
	}

	t.Setenv("XLA_FLAGS", "--xla_dump_to=/tmp/x")
	t.Setenv("GOPJRT_CUDA_CHECKS", "")
	if major, minor, err := PluginAPI(plugin); err != nil || major != 0 || minor != 115 {
		t.Errorf("API %d.%d, %v", major, minor, err)
	}
	toolkit := filepath.Join(filepath.Dir(plugin), "../../nvidia/cu13")
	if got, want := os.Getenv("XLA_FLAGS"), "--xla_dump_to=/tmp/x --xla_gpu_cuda_data_dir="+toolkit; got != want {
		t.Errorf("XLA_FLAGS %s, want %s", got, want)
	}
	if got := os.Getenv("PATH"); !strings.HasPrefix(got, filepath.Join(toolkit, "bin")+":") {
		t.Errorf("PATH %s", got)
	}

	// what somebody has set stays
	t.Setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/opt/cuda")
	if _, _, err := PluginAPI(plugin); err != nil {
		t.Error(err)
	}
	if got := os.Getenv("XLA_FLAGS"); got != "--xla_gpu_cuda_data_dir=/opt/cuda" {
		t.Errorf("XLA_FLAGS %s", got)
	}
}

// The real plugin, on a machine without a GPU, says so in one error with
// advice.
func TestNoGPU(t *testing.T) {
	plugin, err := FindPlugin("cuda")
	if !HasXLA || err != nil {
		t.Skip("no PJRT plugin for CUDA:", err)
	}
	if hasNVIDIA() {
		t.Skip("this machine has a GPU")
	}
	t.Setenv("XLA_FLAGS", os.Getenv("XLA_FLAGS"))
	t.Setenv("PATH", os.Getenv("PATH"))
	b, err := Open("xla:cuda")
	if err == nil || b != nil || !strings.Contains(err.Error(), "finds no GPU") || !strings.Contains(err.Error(), "nvidia-smi") || !strings.Contains(err.Error(), plugin) {
		t.Errorf("%v, %v", b, err)
	}
}
