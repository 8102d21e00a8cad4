package jpeg

// Picture is a decoded file: 8-bit values, height × width × Channels,
// interleaved.
type Picture struct {
	Width, Height int
	Channels      int // 1 grey, 3 RGB
	Pix           []byte
}

// colours joins the planes into RGB, row by row.
func (d *decoder) colours() *Picture {
	w, h := d.config.Width, d.config.Height
	p := &Picture{Width: w, Height: h, Channels: len(d.components)}
	p.Pix = make([]byte, w*h*p.Channels)
	if p.Channels == 1 {
		c := d.components[0]
		for y := range h {
			copy(p.Pix[y*w:(y+1)*w], c.row(y))
		}
		return p
	}
	var planes [3]*enlarged
	for i, c := range d.components {
		planes[i] = c.enlarged(d.hmax/c.h, d.vmax/c.v, w)
	}
	convert := !d.storesRGB()
	for y := range h {
		a, b, c := planes[0].row(y)[:w], planes[1].row(y)[:w], planes[2].row(y)[:w]
		out := p.Pix[3*y*w : 3*(y+1)*w]
		if !convert {
			for x := range a {
				out[3*x], out[3*x+1], out[3*x+2] = a[x], b[x], c[x]
			}
			continue
		}
		for x := range a {
			luma, cb, cr := int32(a[x]), int32(b[x])-128, int32(c[x])-128
			out[3*x] = clamp(luma + (crRed*cr+half)>>16)
			out[3*x+1] = clamp(luma + (-cbGreen*cb-crGreen*cr+half)>>16)
			out[3*x+2] = clamp(luma + (cbBlue*cb+half)>>16)
		}
	}
	return p
}

// The factors of JFIF's YCbCr, times 2^16, rounded.
const (
	crRed   = 91881  // 1.40200
	cbBlue  = 116130 // 1.77200
	crGreen = 46802  // 0.71414
	cbGreen = 22554  // 0.34414
	half    = 1 << 15
)

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }

// storesRGB tells what three components mean: JFIF is YCbCr; the Adobe marker
// says; else the names of the components.
func (d *decoder) storesRGB() bool {
	switch {
	case d.jfif:
		return false
	case d.adobe:
		return d.transform == 0
	}
	c := d.components
	return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
}
