package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	t.Run("environment first", func(t *testing.T) {
		t.Setenv("GOMLX_BACKEND", "go")
		if c := Choose(); c.Config != pureGo || !strings.Contains(c.Reason, "GOMLX_BACKEND") || len(c.Steps) != 1 {
			t.Errorf("choice %+v", c)
		}
	})
	t.Run("an environment that cannot be had", func(t *testing.T) {
		noLibraries(t)
		t.Setenv("GOMLX_BACKEND", "xla:abacus")
		if c := Choose(); c.Config != "xla:abacus" {
			t.Errorf("choice %+v", c)
		}
		if b, err := Open(""); err == nil || b != nil || !strings.Contains(err.Error(), "abacus") {
			t.Errorf("opened %v, %v", b, err)
		}
	})
	t.Run("pure Go where nothing is installed", func(t *testing.T) {
		noLibraries(t)
		c := Choose()
		if c.Config != pureGo || c.Reason == "" {
			t.Errorf("choice %+v", c)
		}
		var names []string
		for _, s := range c.Steps {
			if s.Reason == "" {
				t.Errorf("%s has no reason", s.Name)
			}
			names = append(names, s.Name)
		}
		if got, want := strings.Join(names, " "), "$GOMLX_BACKEND xla:cuda onnx:cpu xla:cpu go"; got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
	t.Run("ONNX Runtime where its library is", func(t *testing.T) {
		if !HasONNX {
			t.Skip("built without cgo")
		}
		noLibraries(t)
		lib := compiled(t, "int OrtGetApiBase(void) { return 0; }")
		t.Setenv(onnxEnv, lib)
		if c := Choose(); c.Config != "onnx:cpu" || !strings.Contains(c.Reason, lib) {
			t.Errorf("choice %+v", c)
		}
		// one that is cut is none, and that is said
		cut := changed(t, lib, func(d []byte) []byte { return d[:len(d)/2] })
		t.Setenv(onnxEnv, cut)
		if c := Choose(); c.Config != pureGo || !strings.Contains(c.Reason, cut) {
			t.Errorf("choice %+v", c)
		}
	})
	t.Run("XLA where its plugin is", func(t *testing.T) {
		if !HasXLA {
			t.Skip("built without cgo")
		}
		noLibraries(t)
		plugin := filepath.Join(t.TempDir(), "libpjrt_cpu.so")
		if err := os.Rename(compiled(t, pluginSource("0", "104")), plugin); err != nil {
			t.Fatal(err)
		}
		t.Setenv(pluginEnv, filepath.Dir(plugin))
		if c := Choose(); c.Config != "xla:"+plugin || !strings.Contains(c.Reason, plugin) {
			t.Errorf("choice %+v", c)
		}
		if got, want := strings.Join(Installed(), " "), "go xla:cpu"; got != want {
			t.Errorf("installed %s, want %s", got, want)
		}
	})
}

func TestOpen(t *testing.T) {
	noLibraries(t)
	b, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	if i := Of(b); i.Name != "go" || i.Kind() != PureGo || i.Library != "" || i.Config != pureGo {
		t.Errorf("it says %+v", i)
	}
	if got := b.Description(); !strings.Contains(got, "parallelism=-1") {
		t.Errorf("%s: without the parallelism that cannot deadlock", got)
	}
	for name, want := range map[string]string{
		"abacus": "abacus", "onnx:cpu": "no ONNX Runtime library", "xla:cpu": "no PJRT plugin for cpu",
		"xla:cuda": "no PJRT plugin for cuda", "go:no_such_option": "no_such_option", "go:parallelism=many": "parallelism=many",
	} {
		if !HasXLA && !strings.HasPrefix(name, "go") && name != "abacus" {
			want = "needs cgo"
		}
		if name == "xla:cuda" {
			t.Setenv("PATH", t.TempDir()) // no python3 that has one
			t.Setenv("VIRTUAL_ENV", "")
			t.Setenv("CONDA_PREFIX", "")
		}
		if b, err := Open(name); err == nil || b != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", name, b, err, want)
		}
	}
}

// What standard output carries is the command's own.
func TestOpenPrintsNothing(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	saved := os.Stdout
	os.Stdout = write
	_, err = Open("go")
	os.Stdout = saved
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	printed := make([]byte, 100)
	if n, _ := read.Read(printed); n > 0 {
		t.Errorf("printed %q", printed[:n])
	}
}

func TestName(t *testing.T) {
	for config, want := range map[string]string{
		"go:parallelism=-1": "go", "onnx:cpu": "onnx:cpu", "onnx": "onnx:cpu", "onnx:cuda": "onnx:cuda",
		"xla:/usr/local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so": "xla:cuda", "xla:cpu": "xla:cpu",
		"xla:/v/jax_plugins/xla_cuda13/xla_cuda_plugin.so,tf32=false": "xla:cuda",
		"xla:/cuda/pjrt_c_api_rocm_plugin.so":                         "xla:rocm",
		"xla:/cpu/libpjrt_webgpu.so":                                  "xla:webgpu",
		"xla:/lib/pjrt-plugin-coreml.so":                              "xla:coreml",
		"xla:/lib/cpu/plugin.so":                                      "xla:unknown",
	} {
		if got := Name(config); got != want {
			t.Errorf("Name(%q) = %q, want %q", config, got, want)
		}
	}
}

// The plugin for the CPU, where it is installed, says that it is one, on one
// device, and of which file.
func TestOpenXLA(t *testing.T) {
	plugin, err := FindPlugin("cpu")
	if !HasXLA || err != nil {
		t.Skip("no PJRT plugin for the CPU:", err)
	}
	strange := filepath.Join(t.TempDir(), "accelerator.so")
	if err := os.Symlink(plugin, strange); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"xla:cpu", "xla:" + plugin, "xla:" + strange} {
		b, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info := Of(b)
		if info.Name != "xla:cpu" || info.Kind() != XLA || b.NumDevices() != 1 || !b.(interface{ HasSharedBuffers() bool }).HasSharedBuffers() {
			t.Errorf("%s: %+v, %d devices", name, info, b.NumDevices())
		}
		if got := Name(info.Config); got != "xla:cpu" {
			t.Errorf("%s: Name is %s", name, got)
		}
		sum, err := fileSum(plugin)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := info.Provenance(); err != nil || !strings.HasSuffix(got, ", sha256 "+sum) || !strings.HasPrefix(got, "PJRT plugin for cpu, API 0.") {
			t.Errorf("%s: provenance %q, %v", name, got, err)
		}
	}
	if _, err := Open("xla:cpu,no_such_option"); err == nil || !strings.Contains(err.Error(), "no_such_option") {
		t.Errorf("an unknown option: %v", err)
	}
}
