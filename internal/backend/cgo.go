//go:build cgo && linux && amd64

package backend

import _ "github.com/gomlx/compute-onnx" // registers "onnx"

// What this build can use; both need cgo.
const (
	HasONNX = true
	HasXLA  = true
)
