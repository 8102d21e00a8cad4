package srspace

import (
	"math"
	"testing"
)

func TestPhiloxKnownAnswers(t *testing.T) {
	// Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%08x, %08x) = %08x, want %08x", c.ctr, c.key, got, c.want)
		}
	}
}

func TestNoiseIsTheBoxMullerOfPhilox(t *testing.T) {
	// Seed 0, step 0, block 0: the first known-answer vector's words
	// 6627e8d5 e169c58d bc57ac4c 9b00dbd8 through √(−2 ln u₁)·(cos, sin)(2πu₂),
	// worked out apart from this code in Python's math module.
	want := []float32{0.99113768, -0.924662588, -0.617608959, -0.482068587}
	got := make([]float32, 4)
	Noise(got, 0, 0)
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-6 {
			t.Errorf("noise[%d] = %v, want %v", i, got[i], want[i])
		}
	}
}

func TestNoiseMoments(t *testing.T) {
	const n = 1 << 18
	x := make([]float32, n)
	Noise(x, 20240229, 3)
	var m1, m2, m3, m4 float64
	for _, v := range x {
		f := float64(v)
		m1 += f
		m2 += f * f
		m3 += f * f * f
		m4 += f * f * f * f
	}
	// The k-th sample moment of a standard normal has standard deviation
	// √((E x²ᵏ − (E xᵏ)²)/n); four of them is the tolerance.
	for _, c := range []struct {
		name                string
		got, want, variance float64
	}{
		{"mean", m1 / n, 0, 1},
		{"second", m2 / n, 1, 2},
		{"third", m3 / n, 0, 15},
		{"fourth", m4 / n, 3, 96},
	} {
		if tol := 4 * math.Sqrt(c.variance/n); math.Abs(c.got-c.want) > tol {
			t.Errorf("%s moment %.5f, want %v ± %.5f", c.name, c.got, c.want, tol)
		}
	}
}

func TestNoiseStreamsAreUncorrelated(t *testing.T) {
	const n = 1 << 16
	base, other := make([]float32, n), make([]float32, n)
	Noise(base, 17, 0)
	for _, c := range []struct {
		name string
		seed uint64
		step uint32
	}{
		{"next seed", 18, 0},
		{"next step", 17, 1},
		{"seed differing above 32 bits", 17 | 1<<32, 0},
		{"seed and step swapped", 0, 17},
	} {
		Noise(other, c.seed, c.step)
		var dot float64
		for i := range base {
			dot += float64(base[i]) * float64(other[i])
		}
		if r := dot / n; math.Abs(r) > 4/math.Sqrt(n) {
			t.Errorf("%s: correlation %.4f", c.name, r)
		}
	}
}

func TestNoiseOfAPrefixIsThePrefixOfTheNoise(t *testing.T) {
	whole := make([]float32, 103)
	Noise(whole, 5, 2)
	for _, n := range []int{0, 1, 3, 4, 5, 64, 102} {
		part := make([]float32, n)
		Noise(part, 5, 2)
		for i := range part {
			if part[i] != whole[i] {
				t.Fatalf("value %d of %d is %v, of 103 it is %v", i, n, part[i], whole[i])
			}
		}
	}
}
