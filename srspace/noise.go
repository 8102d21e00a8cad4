package srspace

import "math"

// RNG names the generator behind Noise, as manifests record it.
const RNG = "philox4x32-10"

// Noise fills dst with independent standard normal values that depend on
// seed, step and their position alone. Step 0 is the initial latent x_T;
// step i ≥ 1 is the noise of the i-th executed sampling step.
//
// The generator is the counter-based Philox4x32-10 (Salmon et al., "Parallel
// Random Numbers: As Easy as 1, 2, 3", SC 2011) with key seed and counter
// (block, step); each block of four words gives four normals by the
// Box–Muller transform in float64. Being counter-based it makes one sample,
// one step or one value alone, whatever the batch, the order or the machine.
func Noise(dst []float32, seed uint64, step uint32) {
	key := [2]uint32{uint32(seed), uint32(seed >> 32)}
	for block := 0; 4*block < len(dst); block++ {
		w := philox([4]uint32{uint32(block), uint32(uint64(block) >> 32), step, 0}, key)
		var n [4]float64
		n[0], n[1] = boxMuller(w[0], w[1])
		n[2], n[3] = boxMuller(w[2], w[3])
		for i := 0; i < 4 && 4*block+i < len(dst); i++ {
			dst[4*block+i] = float32(n[i])
		}
	}
}

// boxMuller maps two uniform words to two independent standard normals.
func boxMuller(a, b uint32) (float64, float64) {
	// (a+½)/2³² lies strictly inside (0,1), so the logarithm is finite.
	r := math.Sqrt(-2 * math.Log((float64(a)+0.5)/(1<<32)))
	sin, cos := math.Sincos(2 * math.Pi * (float64(b) + 0.5) / (1 << 32))
	return r * cos, r * sin
}

// philox is ten rounds of Philox4x32; constants from the paper's table 2 and
// section 4 (multipliers, Weyl key increments).
func philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	for round := 0; round < 10; round++ {
		p0 := uint64(0xD2511F53) * uint64(ctr[0])
		p1 := uint64(0xCD9E8D57) * uint64(ctr[2])
		ctr = [4]uint32{
			uint32(p1>>32) ^ ctr[1] ^ key[0], uint32(p1),
			uint32(p0>>32) ^ ctr[3] ^ key[1], uint32(p0),
		}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return ctr
}
