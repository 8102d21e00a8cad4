package ensemble

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// splitmix64 is the generator of Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators" (OOPSLA 2014). It is written out here so
// that a recorded seed gives the same draws with any version of Go.
type splitmix64 struct{ state uint64 }

// Uint64 returns the next 64 random bits.
func (s *splitmix64) Uint64() uint64 {
	s.state += 0x9E3779B97F4A7C15
	z := s.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns a number in [0, n) by multiplication of the upper 32 bits;
// its bias, below n/2³², is far under what any experiment here resolves.
func (s *splitmix64) below(n int) int {
	return int((s.Uint64() >> 32) * uint64(n) >> 32)
}

// shuffle permutes list in place (Fisher and Yates).
func (s *splitmix64) shuffle(list []uint64) {
	s.draw(list, len(list)-1)
}

// draw moves a uniform random choice of k elements to the end of list.
func (s *splitmix64) draw(list []uint64, k int) {
	for i := len(list) - 1; i >= len(list)-k && i > 0; i-- {
		j := s.below(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

// normal returns values of the standard normal distribution drawn from s.
func (s *splitmix64) normal() func() float64 { return rand.New(s).NormFloat64 }

// generator returns the generator of a seed and names, independent for
// different ones.
func generator(seed uint64, names ...string) *splitmix64 {
	h := sha256.New()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	for _, name := range names {
		binary.LittleEndian.PutUint64(b[:], uint64(len(name)))
		h.Write(b[:])
		h.Write([]byte(name))
	}
	return &splitmix64{binary.LittleEndian.Uint64(h.Sum(nil))}
}

// Order returns the samples in the order in which a participant is to see
// them in a trial: a Fisher–Yates shuffle decided by the study's seed, the
// participant and the trial. A fixed order would give the samples shown first
// votes that are not theirs.
func Order(seed uint64, participant, trial string, samples []uint64) []uint64 {
	order := slices.Clone(samples)
	generator(seed, "order", participant, trial).shuffle(order)
	return order
}
