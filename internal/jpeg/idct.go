package jpeg

// The accurate integer inverse transform: Loeffler, Ligtenberg and Moschytz,
// "Practical fast 1-D DCT algorithms with 11 multiplications" (1989), with
// factors of 13 bits and 2 bits kept between the passes. The order of roundings
// is libjpeg's "islow", to which the results are equal.
const (
	factorBits = 13
	keptBits   = 2
)

// The factors, times 2^13, rounded.
const (
	f0298631336 = 2446
	f0390180644 = 3196
	f0541196100 = 4433
	f0765366865 = 6270
	f0899976223 = 7373
	f1175875602 = 9633
	f1501321110 = 12299
	f1847759065 = 15137
	f1961570560 = 16069
	f2053119869 = 16819
	f2562915447 = 20995
	f3072711026 = 25172
)

// put transforms the coefficients of a block, in natural order and dequantised,
// and stores its samples. detail is false if all but the first are zero.
func (c *component) put(b *[64]int32, detail bool, x, y int) {
	stride := 8 * c.blocksX
	out := c.samples[8*(y*stride+x):]
	if !detail {
		v := sample((b[0] + 4) >> 3)
		for range 7 {
			row := out[:8]
			for i := range row {
				row[i] = v
			}
			out = out[stride:]
		}
		for i := range 8 {
			out[i] = v
		}
		return
	}
	for i := range 8 {
		transform(b, i, 8, factorBits-keptBits)
	}
	for i := range 8 {
		transform(b, 8*i, 1, factorBits+keptBits+3)
		row := out[i*stride : i*stride+8]
		for j := range row {
			row[j] = sample(b[8*i+j])
		}
	}
}

// sample moves a value around zero to 0 … 255.
func sample(v int32) byte { return byte(min(max(v+128, 0), 255)) }

// transform transforms eight values from b[at] on, step apart, in place, and
// rounds the given number of bits off.
func transform(b *[64]int32, at, step int, shift uint) {
	at1, at2, at3, at4 := at+step, at+2*step, at+3*step, at+4*step
	at5, at6, at7 := at+5*step, at+6*step, at+7*step
	v0, v1, v2, v3, v4, v5, v6, v7 := b[at&63], b[at1&63], b[at2&63], b[at3&63], b[at4&63], b[at5&63], b[at6&63], b[at7&63]
	half := int32(1) << (shift - 1)
	if v1|v2|v3|v4|v5|v6|v7 == 0 {
		v := (v0<<factorBits + half) >> shift
		b[at&63], b[at1&63], b[at2&63], b[at3&63], b[at4&63], b[at5&63], b[at6&63], b[at7&63] = v, v, v, v, v, v, v, v
		return
	}

	// The even values.
	z := (v2 + v6) * f0541196100
	t2 := z - v6*f1847759065
	t3 := z + v2*f0765366865
	t0 := (v0+v4)<<factorBits + half
	t1 := (v0-v4)<<factorBits + half
	e0, e3 := t0+t3, t0-t3
	e1, e2 := t1+t2, t1-t2

	// The odd ones.
	z1, z2, z3, z4 := v7+v1, v5+v3, v7+v3, v5+v1
	z5 := (z3 + z4) * f1175875602
	z1 *= -f0899976223
	z2 *= -f2562915447
	z3 = z3*-f1961570560 + z5
	z4 = z4*-f0390180644 + z5
	o0 := v7*f0298631336 + z1 + z3
	o1 := v5*f2053119869 + z2 + z4
	o2 := v3*f3072711026 + z2 + z3
	o3 := v1*f1501321110 + z1 + z4

	b[at&63], b[at7&63] = (e0+o3)>>shift, (e0-o3)>>shift
	b[at1&63], b[at6&63] = (e1+o2)>>shift, (e1-o2)>>shift
	b[at2&63], b[at5&63] = (e2+o1)>>shift, (e2-o1)>>shift
	b[at3&63], b[at4&63] = (e3+o0)>>shift, (e3-o0)>>shift
}
