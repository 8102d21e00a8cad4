//go:build !amd64 || amd64.v3 || !goexperiment.simd

package backend

// TimeExp measures nothing in builds that have no vector code or, for
// GOAMD64=v3, no setting to change.
func TimeExp() ExpTimes { return ExpTimes{} }

// FasterEnvironment returns nil: there is nothing to set.
func FasterEnvironment() []string { return nil }
