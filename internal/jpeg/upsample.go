package jpeg

// row returns a row of a plane, without padding.
func (c *component) row(y int) []byte {
	at := y * 8 * c.blocksX
	return c.samples[at : at+c.width]
}

// enlarged is a plane enlarged to the picture's size, a row at a time.
type enlarged struct {
	c            *component
	wide, high   int    // factors
	triangle     bool   // else each sample is repeated
	out          []byte // the last row returned
	sums         []int32
	whole        bool // no factor at all
	repeatedFrom int  // the plane's row that out repeats, -1 for none
}

// enlarged prepares to enlarge a plane to the picture's width. Factors of 2
// take the triangle filter, centred on the samples, others repeat: and so do
// planes of up to 2 columns, where libjpeg's filter would have no middle.
func (c *component) enlarged(wide, high, width int) *enlarged {
	e := &enlarged{c: c, wide: wide, high: high, repeatedFrom: -1}
	e.whole = wide == 1 && high == 1
	e.triangle = wide == 2 && high <= 2 && c.width > 2 || wide == 1 && high == 2
	e.out = make([]byte, c.width*wide)
	if e.triangle && high == 2 && wide == 2 {
		e.sums = make([]int32, c.width)
	}
	return e
}

// row returns row y of the enlarged plane: at least as wide as the picture, and
// valid until the next call.
func (e *enlarged) row(y int) []byte {
	switch {
	case e.whole:
		return e.c.row(y)
	case !e.triangle:
		e.repeat(y / e.high)
	case e.high == 1:
		widen(e.out, e.c.row(y))
	default:
		near := e.c.row(y / 2)
		far := y/2 - 1 // the next row on the side where y lies
		if y%2 == 1 {
			far = y/2 + 1
		}
		other := e.c.row(min(max(far, 0), e.c.height-1))
		if e.wide == 1 {
			// Halves are rounded up in one row and down in the next.
			round := 1 + uint32(y%2)
			for x := range near {
				e.out[x] = byte((3*uint32(near[x]) + uint32(other[x]) + round) >> 2)
			}
			return e.out
		}
		for x := range near {
			e.sums[x] = 3*int32(near[x]) + int32(other[x])
		}
		widenSums(e.out, e.sums)
	}
	return e.out
}

func (e *enlarged) repeat(y int) {
	if y == e.repeatedFrom {
		return
	}
	e.repeatedFrom = y
	for x, v := range e.c.row(y) {
		for i := range e.wide {
			e.out[x*e.wide+i] = v
		}
	}
}

// widen doubles the width of a row: ¾ of the nearer sample and ¼ of the
// farther, halves rounded down at the left and up at the right of a sample.
func widen(out, in []byte) {
	n := len(in)
	out[0] = in[0]
	out[1] = byte((3*uint32(in[0]) + uint32(in[1]) + 2) >> 2)
	for x := 1; x < n-1; x++ {
		v := 3 * uint32(in[x])
		out[2*x] = byte((v + uint32(in[x-1]) + 1) >> 2)
		out[2*x+1] = byte((v + uint32(in[x+1]) + 2) >> 2)
	}
	out[2*n-2] = byte((3*uint32(in[n-1]) + uint32(in[n-2]) + 1) >> 2)
	out[2*n-1] = in[n-1]
}

// widenSums doubles the width of a row that holds four times its values.
func widenSums(out []byte, in []int32) {
	n := len(in)
	out[0] = byte((4*in[0] + 8) >> 4)
	out[1] = byte((3*in[0] + in[1] + 7) >> 4)
	for x := 1; x < n-1; x++ {
		v := 3 * in[x]
		out[2*x] = byte((v + in[x-1] + 8) >> 4)
		out[2*x+1] = byte((v + in[x+1] + 7) >> 4)
	}
	out[2*n-2] = byte((3*in[n-1] + in[n-2] + 8) >> 4)
	out[2*n-1] = byte((4*in[n-1] + 7) >> 4)
}
