// Package backend decides where GoMLX graphs run, opens what is chosen, and
// says what it is.
//
// The order tried, [Choose] gives the reason for each step: $GOMLX_BACKEND; an
// NVIDIA GPU with a PJRT plugin (xla:cuda); ONNX Runtime where its library is
// installed (onnx:cpu); XLA on the CPU where its plugin is installed
// (xla:cpu); the pure Go backend (go), which is always there. Nothing is
// downloaded and nothing hangs.
//
// ONNX Runtime and PJRT plugins are libraries: loading one runs its code with
// the rights of the user, so only files of known origin should be installed.
package backend

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers "go"
)

// Pure Go, safely: the default worker pool of the Go backend can deadlock
// when four independent matrix products are ready at once; -1 (one goroutine
// a product) cannot.
const pureGo = "go:parallelism=-1"

// Open returns the backend of a name that [Resolve] takes: "go", "onnx:cpu",
// "xla:cpu", "xla:cuda", …, or with "" the one [Choose] names. A missing
// library, an unknown name and a crash of a plugin are errors.
func Open(name string) (b compute.Backend, err error) {
	config, err := Resolve(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("backend %q: %v", config, r)
		}
	}()
	kind, rest, _ := strings.Cut(config, ":")
	info := Info{Config: config, Name: kind}
	switch kind {
	case "go":
		b, err = openGo(rest)
	case "xla":
		b, info, err = openXLA(rest)
	default:
		b, info, err = openONNX(rest)
	}
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", config, err)
	}
	info.Config = config
	remember(b, info)
	return b, nil
}

// openGo opens the Go backend. Its own option "parallelism" prints a line to
// standard output, where a command's output belongs, so the number is set
// where that option sets it.
func openGo(options string) (compute.Backend, error) {
	parallelism := 0
	var rest []string
	for option := range strings.SplitSeq(options, ",") {
		number, found := strings.CutPrefix(option, "parallelism=")
		if !found {
			rest = append(rest, option)
		} else if _, err := fmt.Sscan(number, &parallelism); err != nil {
			return nil, fmt.Errorf("option %q: %w", option, err)
		}
	}
	b, err := compute.NewWithConfig("go:" + strings.Join(rest, ","))
	if err != nil || parallelism == 0 {
		return b, err
	}
	workers := reflect.ValueOf(b).Elem().FieldByName("Workers")
	workers.MethodByName("SetMaxParallelism").Call([]reflect.Value{reflect.ValueOf(parallelism)})
	return b, nil
}

// openONNX opens ONNX Runtime.
func openONNX(device string) (compute.Backend, Info, error) {
	path, err := FindONNX()
	if err != nil {
		return nil, Info{}, err
	}
	info := Info{Name: "onnx:" + device, Library: path}
	if major, minor, ok := onnxVersion(path); ok {
		info.Version = fmt.Sprintf("ONNX Runtime %d.%d", major, minor)
	}
	b, err := compute.NewWithConfig("onnx:" + device)
	return b, info, err
}

// SIMD reports whether the Go backend was built with its vector code
// (GOEXPERIMENT=simd). Without it the Go backend is about ten times slower.
func SIMD() bool { return strings.Contains(runtime.Version(), "simd") }

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
