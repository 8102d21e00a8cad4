//go:build !(cgo && linux && amd64)

package backend

// What this build can use; both need cgo on Linux.
const (
	HasONNX = false
	HasXLA  = false
)
