package jpeg

import "fmt"

// natural[k] is where the coefficient k of the zigzag order lies in a block of
// 8 × 8.
var natural = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// scan is a pass over the picture: some components, a band of their
// coefficients from one bit to another.
type scan struct {
	components []*component
	from, to   int // coefficients, in zigzag order
	high, low  int // bits: high is 0 in the first pass of a band
}

// scanOf reads a scan's header (T.81, B.2.3).
func (d *decoder) scanOf(body []byte) (*scan, error) {
	if d.scans > maxScans {
		return nil, fmt.Errorf("%w: more than %d scans", ErrUnsupported, maxScans)
	}
	if len(body) < 4 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return nil, fmt.Errorf("%w: scan header", ErrFormat)
	}
	n := int(body[0])
	tail := body[1+2*n:]
	s := &scan{from: int(tail[0]), to: int(tail[1]), high: int(tail[2] >> 4), low: int(tail[2] & 15)}
	if !d.progressive {
		// Writers fill these fields with anything; libjpeg passes over them.
		s.from, s.to, s.high, s.low = 0, 63, 0, 0
	}
	if s.from > s.to || s.to > 63 || s.low > 13 || s.high > 0 && s.high != s.low+1 || d.progressive && s.from == 0 && s.to > 0 {
		return nil, fmt.Errorf("%w: a scan of coefficients %d to %d, bits %d to %d", ErrFormat, s.from, s.to, s.high, s.low)
	}
	if s.from > 0 && n > 1 {
		return nil, fmt.Errorf("%w: a scan of several components' details", ErrFormat)
	}
	blocks := 0
	for i := range n {
		var c *component
		for _, each := range d.components {
			if each.id == body[1+2*i] {
				c = each
			}
		}
		for _, other := range s.components {
			if other == c {
				c = nil
			}
		}
		if c == nil {
			return nil, fmt.Errorf("%w: a scan of component %d", ErrFormat, body[1+2*i])
		}
		dc, ac := body[2+2*i]>>4, body[2+2*i]&15
		if dc > 3 || ac > 3 {
			return nil, fmt.Errorf("%w: a scan's code table", ErrFormat)
		}
		c.dc, c.ac = d.dc[dc], d.ac[ac]
		if s.from == 0 && s.high == 0 && c.dc == nil || s.to > 0 && c.ac == nil {
			return nil, fmt.Errorf("%w: a scan without its code table", ErrFormat)
		}
		s.components = append(s.components, c)
		blocks += c.h * c.v
	}
	if n > 1 && blocks > 10 {
		return nil, fmt.Errorf("%w: %d blocks an MCU", ErrFormat, blocks)
	}
	return s, nil
}

// prepare takes memory for the planes of a scan, and the tables that hold now.
func (d *decoder) prepare(s *scan) error {
	for _, c := range s.components {
		if c.quant == nil {
			if c.quant = d.quant[c.table]; c.quant == nil {
				return fmt.Errorf("%w: no quantisation table %d", ErrFormat, c.table)
			}
		}
		if c.samples == nil {
			c.samples = make([]byte, 64*c.blocksX*c.blocksY)
		}
		if d.progressive && c.coefs == nil {
			c.coefs = make([]int16, 64*c.blocksX*c.blocksY)
		}
		for k := s.from; k <= s.to; k++ {
			c.left[k] = int8(s.low)
		}
	}
	return nil
}

// readScan reads the data of a scan.
func (d *decoder) readScan(s *scan) error {
	if err := d.prepare(s); err != nil {
		return err
	}
	d.bits.start(d.data, d.pos)
	d.reset(s)
	mcusX, mcusY := ceilDiv(d.config.Width, 8*d.hmax), ceilDiv(d.config.Height, 8*d.vmax)
	single := len(s.components) == 1
	if single { // its blocks in order, without the padding
		mcusX, mcusY = ceilDiv(s.components[0].width, 8), ceilDiv(s.components[0].height, 8)
	}
	mcus := mcusX * mcusY
	for mcu := range mcus {
		if d.restart > 0 && mcu > 0 && mcu%d.restart == 0 {
			if err := d.restartMarker(mcu/d.restart - 1); err != nil {
				return err
			}
			d.reset(s)
		}
		x, y := mcu%mcusX, mcu/mcusX
		if single {
			if err := d.block(s, s.components[0], x, y); err != nil {
				return err
			}
		} else {
			for _, c := range s.components {
				for j := range c.v {
					for i := range c.h {
						if err := d.block(s, c, x*c.h+i, y*c.v+j); err != nil {
							return err
						}
					}
				}
			}
		}
		if d.bits.overrun() {
			return d.overrunError()
		}
	}
	d.pos = d.bits.pos
	return nil
}

// overrunError tells a file that ends from data that end at a marker.
func (d *decoder) overrunError() error {
	if d.bits.pos+1 >= len(d.data) {
		return ErrCut
	}
	return fmt.Errorf("%w: a scan has too few data", ErrFormat)
}

func (d *decoder) reset(s *scan) {
	d.eobRun = 0
	for _, c := range s.components {
		c.predicted = 0
	}
}

// restartMarker moves past the restart marker of a number.
func (d *decoder) restartMarker(number int) error {
	d.pos = d.bits.pos
	mark, err := d.nextMarker()
	if err != nil {
		return err
	}
	if mark != markRST0+byte(number%8) {
		return fmt.Errorf("%w: restart marker %d is missing", ErrFormat, number%8)
	}
	d.bits.start(d.data, d.pos)
	return nil
}

// block reads the block at (x, y) of a component.
func (d *decoder) block(s *scan, c *component, x, y int) error {
	if !d.progressive {
		return d.baseline(c, x, y)
	}
	at := 64 * (y*c.blocksX + x)
	coefs := (*[64]int16)(c.coefs[at : at+64])
	switch {
	case s.from == 0 && s.high == 0:
		return d.dcFirst(c, coefs, s.low)
	case s.from == 0:
		if d.bits.one() != 0 {
			coefs[0] |= 1 << s.low
		}
		return nil
	case s.high == 0:
		return d.acFirst(c, coefs, s)
	}
	return d.acRefine(c, coefs, s)
}

// baseline reads a whole block and transforms it (T.81, F.2.2).
func (d *decoder) baseline(c *component, x, y int) error {
	var b [64]int32
	if err := d.difference(c); err != nil {
		return err
	}
	b[0] = c.predicted * c.quant[0]
	detail := false
	for k := 1; k < 64; k++ {
		symbol, err := d.bits.symbol(c.ac)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return fmt.Errorf("%w: a block of more than 64 coefficients", ErrFormat)
		}
		b[natural[k]] = d.bits.extended(size) * c.quant[k]
		detail = true
	}
	c.put(&b, detail, x, y)
	return nil
}

// difference adds the coded difference to the component's DC value.
func (d *decoder) difference(c *component) error {
	size, err := d.bits.symbol(c.dc)
	if err != nil {
		return err
	}
	if size > 15 {
		return fmt.Errorf("%w: a difference of %d bits", ErrFormat, size)
	}
	c.predicted += d.bits.extended(int(size))
	return nil
}
