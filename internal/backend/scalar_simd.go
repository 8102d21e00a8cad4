//go:build amd64 && !amd64.v3 && goexperiment.simd

package backend

import (
	"math"
	"os"
	"simd/archsimd"
	"slices"
	"strings"
	"time"
)

// fastScalar makes math.Exp do without fused multiply-add. GOAMD64=v3 builds
// have no such setting, and are left as slow as they are.
const fastScalar = "cpu.fma=off"

// Scalar reports how long math.Exp takes in code that used vector registers
// before, and otherwise. On some Intel processors it is a hundred times as
// long: each change between the old encoding of scalar instructions and the
// new one costs tens of nanoseconds while the upper halves of the registers
// are in use, math.Exp alternates between them where the processor has fused
// multiply-add, and the Go backend leaves the halves in use.
func Scalar() (afterVector, otherwise time.Duration) {
	if !archsimd.X86.AVX2() {
		return 0, 0
	}
	measure := func(prepare func()) time.Duration {
		const calls = 64
		best := time.Hour
		for range 3 { // the machine may have been at something else
			prepare()
			began := time.Now()
			for i := range calls {
				scalarSink += math.Exp(float64(i) / calls)
			}
			best = min(best, time.Since(began)/calls)
		}
		return best
	}
	afterVector = measure(func() {
		v := archsimd.LoadFloat32x8(&vectorSink)
		v.Add(v).Store(&vectorSink)
	})
	otherwise = measure(archsimd.ClearAVXUpperBits)
	archsimd.ClearAVXUpperBits()
	return afterVector, otherwise
}

// What is stored here is not left out by the compiler.
var (
	scalarSink float64
	vectorSink [8]float32
)

// FasterEnvironment returns the environment in which this program would run
// the Go backend faster, which only a program that starts can make use of, or
// nil if there is none.
func FasterEnvironment() []string {
	settings := os.Getenv("GODEBUG")
	if strings.Contains(settings, "cpu.") { // set, or decided otherwise
		return nil
	}
	if afterVector, otherwise := Scalar(); !slow(afterVector, otherwise) {
		return nil
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GODEBUG=") })
	return append(env, "GODEBUG="+strings.TrimPrefix(settings+","+fastScalar, ","))
}

// slow reports whether scalar code suffers from vector code: a hundredfold is
// usual where it does.
func slow(afterVector, otherwise time.Duration) bool {
	return afterVector > 10*otherwise+100*time.Nanosecond
}
