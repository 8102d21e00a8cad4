package backend

import (
	"errors"
	"os"
	"strings"

	"github.com/gomlx/compute"
)

// Choice is a backend configuration with the reason for it.
type Choice struct {
	Config string // for Open, e.g. "onnx:cpu"
	Reason string // for people, e.g. "ONNX Runtime at …"
	Steps  []Step // everything that was looked at, in order, the last of them chosen
}

// Step is a backend that was looked at, and what was found.
type Step struct {
	Name   string // "$GOMLX_BACKEND", or as in [Names]
	Reason string
}

// Choose returns the configuration Open("") uses. The order on a CPU is that
// of speed, measured on two cores with the digit model and the published ×4
// architecture (kernel/bench/RESULTS.md).
func Choose() Choice {
	var c Choice
	look := func(name, config string, err error, found string) bool {
		if err != nil {
			c.Steps = append(c.Steps, Step{name, err.Error()})
			return false
		}
		c.Steps = append(c.Steps, Step{name, found})
		c.Config, c.Reason = config, found
		return true
	}
	if env := os.Getenv(compute.ConfigEnvVar); env != "" {
		config, err := Resolve(env)
		if err != nil { // opening it says what is missing
			config = env
		}
		look("$"+compute.ConfigEnvVar, config, nil, "$"+compute.ConfigEnvVar+" is "+env)
		return c
	}
	look("$"+compute.ConfigEnvVar, "", errors.New("not set"), "")
	path, err := cudaForThisMachine()
	if look("xla:cuda", "xla:"+path, err, "NVIDIA GPU and the PJRT plugin "+path) {
		return c
	}
	path, err = FindONNX()
	if !HasONNX {
		err = errNoCgo
	}
	if look("onnx:cpu", "onnx:cpu", err, "ONNX Runtime at "+path) {
		return c
	}
	path, err = FindPlugin("cpu")
	if !HasXLA {
		err = errNoCgo
	}
	if look("xla:cpu", "xla:"+path, err, "PJRT plugin at "+path) {
		return c
	}
	var missing []string
	for _, step := range c.Steps[2:] {
		missing = append(missing, step.Reason)
	}
	look("go", pureGo, nil, "always there; "+strings.Join(missing, "; "))
	return c
}

var errNoCgo = errors.New("built without cgo, or not for Linux on amd64")

// cudaForThisMachine returns the plugin for NVIDIA GPUs where there is one of
// each.
func cudaForThisMachine() (string, error) {
	switch {
	case !HasXLA:
		return "", errNoCgo
	case !hasNVIDIA():
		return "", errors.New("no NVIDIA GPU (/dev/nvidiactl)")
	}
	return FindPlugin("cuda")
}

func hasNVIDIA() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// Installed returns the short names of the backends that this build has and
// whose libraries and devices are there, the pure Go backend first. A library
// may still fail to load.
func Installed() []string {
	list := []string{"go"}
	if _, err := FindONNX(); HasONNX && err == nil {
		list = append(list, "onnx:cpu")
	}
	if _, err := FindPlugin("cpu"); HasXLA && err == nil {
		list = append(list, "xla:cpu")
	}
	if _, err := cudaForThisMachine(); err == nil {
		list = append(list, "xla:cuda")
	}
	return list
}
