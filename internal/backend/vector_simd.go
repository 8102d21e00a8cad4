//go:build amd64 && goexperiment.simd

package backend

import (
	"os"
	"simd/archsimd"
	"strconv"
)

// Vector names the vector code that the Go backend computes with, which
// decides the last digits of its sums: "AVX-512" or "AVX2", or "" for scalar
// code. GoMLX's own variables switch either off.
func Vector() string {
	allowed := func(name string) bool {
		on, err := strconv.ParseBool(os.Getenv(name))
		return err != nil || on
	}
	switch {
	case allowed("GOMLX_SIMD_AVX512") && archsimd.X86.AVX512():
		return "AVX-512"
	case allowed("GOMLX_SIMD_AVX2") && archsimd.X86.AVX2():
		return "AVX2"
	}
	return ""
}
