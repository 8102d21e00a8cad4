package jpeg

import "fmt"

// The passes of a progressive file (T.81, annex G).

// dcFirst reads the high bits of a block's mean.
func (d *decoder) dcFirst(c *component, coefs *[64]int16, low int) error {
	if err := d.difference(c); err != nil {
		return err
	}
	coefs[0] = int16(c.predicted << low)
	return nil
}

// acFirst reads the high bits of a band.
func (d *decoder) acFirst(c *component, coefs *[64]int16, s *scan) error {
	if d.eobRun > 0 {
		d.eobRun--
		return nil
	}
	for k := s.from; k <= s.to; k++ {
		symbol, err := d.bits.symbol(c.ac)
		if err != nil {
			return err
		}
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run != 15 {
				d.eobRun = 1<<run - 1 + int(d.bits.take(run))
				return nil
			}
			k += 15
			continue
		}
		if k += run; k > s.to {
			return fmt.Errorf("%w: a band of more coefficients than it has", ErrFormat)
		}
		coefs[natural[k]] = int16(d.bits.extended(size) << s.low)
	}
	return nil
}

// acRefine reads one more bit of a band: a correction for each coefficient that
// is not zero, between the positions of those that become so.
func (d *decoder) acRefine(c *component, coefs *[64]int16, s *scan) error {
	bit := int16(1) << s.low
	correct := func(v *int16) {
		if d.bits.one() != 0 && *v&bit == 0 {
			if *v > 0 {
				*v += bit
			} else {
				*v -= bit
			}
		}
	}
	k := s.from
	if d.eobRun == 0 {
	band:
		for k <= s.to {
			symbol, err := d.bits.symbol(c.ac)
			if err != nil {
				return err
			}
			run, size := int(symbol>>4), int(symbol&15)
			var value int16
			switch {
			case size == 0 && run != 15:
				d.eobRun = 1<<run + int(d.bits.take(run))
				break band
			case size == 1:
				value = bit
				if d.bits.take(1) == 0 {
					value = -bit
				}
			case size > 1:
				return fmt.Errorf("%w: a refinement of %d bits", ErrFormat, size)
			}
			for k <= s.to {
				v := &coefs[natural[k]]
				k++
				if *v != 0 {
					correct(v)
					continue
				}
				if run == 0 {
					if value != 0 {
						*v = value
					}
					break
				}
				run--
			}
		}
	}
	if d.eobRun > 0 {
		for ; k <= s.to; k++ {
			if v := &coefs[natural[k]]; *v != 0 {
				correct(v)
			}
		}
		d.eobRun--
	}
	return nil
}

// transformAll turns the coefficients of a progressive file into samples. Where
// scans are missing, libjpeg guesses details from the neighbouring blocks; such
// files are refused.
func (d *decoder) transformAll() error {
	for i, c := range d.components {
		if c.coefs == nil {
			return fmt.Errorf("%w: no scan of component %d", ErrFormat, i)
		}
		for k := range 10 {
			if c.left[k] != 0 {
				return fmt.Errorf("%w: a progressive file without its last scans", ErrUnsupported)
			}
		}
		for at := 0; at < len(c.coefs); at += 64 {
			var b [64]int32
			detail := false
			coefs := (*[64]int16)(c.coefs[at : at+64])
			for k, n := range natural {
				if v := coefs[n]; v != 0 {
					b[n] = int32(v) * c.quant[k]
					detail = detail || k > 0
				}
			}
			c.put(&b, detail, at/64%c.blocksX, at/64/c.blocksX)
		}
		c.coefs = nil
	}
	return nil
}
