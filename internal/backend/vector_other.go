//go:build !(amd64 && goexperiment.simd)

package backend

// Vector is "": this build has no vector code.
func Vector() string { return "" }
