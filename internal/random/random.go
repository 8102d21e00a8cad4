// Package random has the generator behind the random choices of experiments:
// orders, ties, resamples, control sets, simulated people. It is written out
// here so that a recorded seed gives the same draws with any version of Go.
package random

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Source is the generator splitmix64 of Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators" (OOPSLA 2014). The zero value
// starts from the seed 0. It is not safe for use by several goroutines.
type Source struct{ state uint64 }

// New returns the source that starts from a seed.
func New(seed uint64) *Source { return &Source{seed} }

// Named returns the source of a seed and names; the sources of different
// names, and of the same names divided otherwise, are independent.
func Named(seed uint64, names ...string) *Source {
	h := sha256.New()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	for _, name := range names {
		binary.LittleEndian.PutUint64(b[:], uint64(len(name)))
		h.Write(b[:])
		h.Write([]byte(name))
	}
	return New(binary.LittleEndian.Uint64(h.Sum(nil)))
}

// Uint64 returns the next 64 random bits.
func (s *Source) Uint64() uint64 {
	s.state += 0x9E3779B97F4A7C15
	z := s.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Below returns a number in [0, n), n at most 2³², by multiplication of the
// upper 32 bits; its bias, below n/2³², is far under what any experiment here
// resolves.
func (s *Source) Below(n int) int {
	return int((s.Uint64() >> 32) * uint64(n) >> 32)
}

// Shuffle permutes list in place (Fisher and Yates).
func (s *Source) Shuffle(list []uint64) { s.Draw(list, len(list)-1) }

// Draw moves a uniform random choice of k elements to the end of list.
func (s *Source) Draw(list []uint64, k int) {
	for i := len(list) - 1; i >= len(list)-k && i > 0; i-- {
		j := s.Below(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

// Normal returns a function that draws values of the standard normal
// distribution from the source.
func (s *Source) Normal() func() float64 { return rand.New(s).NormFloat64 }
