// Package backend decides where GoMLX graphs run and says why.
//
// The order tried: $GOMLX_BACKEND; an NVIDIA GPU with a PJRT plugin; ONNX
// Runtime where its library is installed; XLA on the CPU where its plugin is
// installed; the pure Go backend, which is always there. Nothing is
// downloaded and nothing hangs.
package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers "go"
)

// Choice is a backend configuration with the reason for it.
type Choice struct {
	Config string // GoMLX configuration, e.g. "onnx:cpu"
	Reason string // for people, e.g. "ONNX Runtime found at …"
}

// Pure Go, safely: the default worker pool of the Go backend can deadlock
// when four independent matrix products are ready at once; -1 (one goroutine
// a product) cannot.
const pureGo = "go:parallelism=-1"

// Choose returns the configuration Open("") uses.
func Choose() Choice {
	if env := os.Getenv(compute.ConfigEnvVar); env != "" {
		return Choice{safe(env), "$" + compute.ConfigEnvVar + " is set"}
	}
	if HasXLA {
		if plugin := findPlugin("cuda"); plugin != "" && hasNVIDIA() {
			return Choice{"xla:" + plugin, "NVIDIA GPU and the PJRT plugin " + plugin}
		}
	}
	lib, missing := FindONNX()
	if HasONNX && missing == nil {
		return Choice{"onnx:cpu", "ONNX Runtime at " + lib}
	}
	if HasXLA {
		if plugin := findPlugin("cpu"); plugin != "" {
			return Choice{"xla:" + plugin, "PJRT CPU plugin " + plugin}
		}
	}
	reason := "always there"
	if HasONNX {
		reason += "; " + missing.Error()
	} else {
		reason += "; built without cgo, so without ONNX Runtime and XLA"
	}
	return Choice{pureGo, reason}
}

// Open returns the backend of a GoMLX configuration ("go", "onnx:cpu",
// "xla:cuda", …), or with "" the one Choose names. A missing library, an
// unknown name and a crash of a plugin are errors.
func Open(config string) (b compute.Backend, err error) {
	if config == "" {
		config = Choose().Config
	}
	config = safe(config)
	name, _, _ := strings.Cut(config, ":")
	if name == "onnx" {
		if _, err := FindONNX(); err != nil {
			return nil, fmt.Errorf("backend %q: %w", config, err)
		}
	}
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("backend %q: %v", config, r)
		}
	}()
	b, err = quietly(func() (compute.Backend, error) { return compute.NewWithConfig(config) })
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", config, err)
	}
	return b, nil
}

var stdout sync.Mutex

// quietly opens a backend with standard output closed: the Go backend prints
// its parallelism there, where a command's own output belongs.
func quietly(open func() (compute.Backend, error)) (compute.Backend, error) {
	stdout.Lock()
	defer stdout.Unlock()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return open()
	}
	defer null.Close()
	saved := os.Stdout
	os.Stdout = null
	defer func() { os.Stdout = saved }()
	return open()
}

// Name shortens a configuration to what decides numerical results: "go",
// "onnx:cpu", "xla:cpu", "xla:cuda".
func Name(config string) string {
	name, rest, _ := strings.Cut(config, ":")
	switch {
	case name == "go":
		return "go"
	case name == "onnx":
		return "onnx:cpu"
	case strings.Contains(rest, "cuda"):
		return "xla:cuda"
	}
	return "xla:cpu"
}

// SIMD reports whether the Go backend was built with its vector code
// (GOEXPERIMENT=simd). Without it the Go backend is about ten times slower.
func SIMD() bool { return strings.Contains(runtime.Version(), "simd") }

// safe adds to a bare Go configuration what keeps it from deadlocking.
func safe(config string) string {
	if config == "go" || config == "go:" {
		return pureGo
	}
	return config
}

// findPlugin returns the absolute path of a PJRT plugin of that name, which
// makes go-xla skip its search and its installer, or "".
func findPlugin(name string) string {
	dirs := []string{os.Getenv("PJRT_PLUGIN_LIBRARY_PATH")}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local/lib/go-xla"), filepath.Join(home, ".local/lib/go-xla/nvidia"))
	}
	dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia")
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		for _, pattern := range []string{"pjrt_c_api_%s_plugin.so", "pjrt-plugin-%s.so", "pjrt_plugin_%s.so"} {
			path := filepath.Join(dir, fmt.Sprintf(pattern, name))
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// Devices describes what b computes on, one line a device; empty where the
// backend does not say.
func Devices(b compute.Backend) []string {
	var out []string
	for i := range b.NumDevices() {
		if d := strings.TrimSpace(b.DeviceDescription(compute.DeviceNum(i))); d != "" {
			out = append(out, d)
		}
	}
	return out
}

func hasNVIDIA() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}
