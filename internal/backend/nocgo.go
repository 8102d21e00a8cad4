//go:build !(cgo && linux && amd64)

package backend

import "github.com/gomlx/compute"

// What this build can use; both need cgo on Linux.
const (
	HasONNX = false
	HasXLA  = false
)

// PluginAPI loads no plugin in this build.
func PluginAPI(string) (major, minor int, err error) { return 0, 0, errNoCgo }

func openXLA(string) (compute.Backend, Info, error) { return nil, Info{}, errNoCgo }
