//go:build cgo && linux && amd64

package backend

import (
	_ "github.com/gomlx/compute-onnx" // registers "onnx"
	"github.com/gomlx/go-xla/compute/xla"
)

// What this build can use; both need cgo.
const (
	HasONNX = true
	HasXLA  = true
)

// A plugin is used where it is installed; none is fetched behind the user's
// back.
func init() { xla.EnableAutoInstall(false) }
