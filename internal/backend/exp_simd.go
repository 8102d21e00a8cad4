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

// fastExp makes math.Exp do without fused multiply-add. GOAMD64=v3 builds
// have no such setting, and are left as slow as they are.
const fastExp = "cpu.fma=off"

// TimeExp measures math.Exp, in less than a millisecond.
func TimeExp() (t ExpTimes) {
	if !archsimd.X86.AVX2() {
		return t
	}
	measure := func(prepare func()) time.Duration {
		const calls = 64
		best := time.Hour
		for range 3 { // the machine may have been at something else
			prepare()
			began := time.Now()
			for i := range calls {
				expSink += math.Exp(float64(i) / calls)
			}
			best = min(best, time.Since(began)/calls)
		}
		return best
	}
	t.AfterVector = measure(func() {
		v := archsimd.LoadFloat32x8(&vectorSink)
		v.Add(v).Store(&vectorSink)
	})
	t.Otherwise = measure(archsimd.ClearAVXUpperBits)
	archsimd.ClearAVXUpperBits()
	return t
}

// What is stored here is not left out by the compiler.
var (
	expSink    float64
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
	if !TimeExp().Slow() {
		return nil
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GODEBUG=") })
	return append(env, "GODEBUG="+strings.TrimPrefix(settings+","+fastExp, ","))
}
