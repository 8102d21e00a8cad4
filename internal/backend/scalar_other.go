//go:build !amd64 || amd64.v3 || !goexperiment.simd

package backend

import "time"

// Scalar is for builds with vector code; here both durations are 0.
func Scalar() (afterVector, otherwise time.Duration) { return 0, 0 }

// FasterEnvironment returns nil: there is nothing to set.
func FasterEnvironment() []string { return nil }
