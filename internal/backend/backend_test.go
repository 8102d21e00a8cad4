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
		if c := Choose(); c.Config != pureGo || !strings.Contains(c.Reason, "GOMLX_BACKEND") {
			t.Errorf("choice %+v", c)
		}
	})
	t.Run("pure Go where nothing is installed", func(t *testing.T) {
		t.Setenv("GOMLX_BACKEND", "")
		t.Setenv("HOME", t.TempDir())
		t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", "")
		t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", t.TempDir())
		if c := Choose(); c.Config != pureGo || c.Reason == "" {
			t.Errorf("choice %+v", c)
		}
	})
	t.Run("ONNX Runtime where its library is", func(t *testing.T) {
		if !HasONNX {
			t.Skip("built without cgo")
		}
		lib := filepath.Join(t.TempDir(), "libonnxruntime.so")
		if err := os.WriteFile(lib, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOMLX_BACKEND", "")
		t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", lib)
		if c := Choose(); c.Config != "onnx:cpu" || !strings.Contains(c.Reason, lib) {
			t.Errorf("choice %+v", c)
		}
	})
}

func TestOpen(t *testing.T) {
	if _, err := Open("go"); err != nil {
		t.Error(err)
	}
	if _, err := Open("abacus"); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("unknown backend: %v", err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("ONNXRUNTIME_SHARED_LIBRARY_PATH", "")
	if _, err := Open("onnx:cpu"); err == nil {
		t.Error("onnx opens without its library")
	}
}

func TestName(t *testing.T) {
	for config, want := range map[string]string{
		"go:parallelism=-1": "go", "onnx:cpu": "onnx:cpu", "onnx": "onnx:cpu",
		"xla:/usr/local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so": "xla:cuda", "xla:cpu": "xla:cpu",
	} {
		if got := Name(config); got != want {
			t.Errorf("Name(%q) = %q, want %q", config, got, want)
		}
	}
}
