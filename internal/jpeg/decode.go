package jpeg

import "fmt"

// Decode decodes a whole file. The caller bounds the size, see [DecodeConfig]:
// decoding takes about 2 bytes a pixel and component, and 2 more for a
// progressive file.
func Decode(data []byte) (*Picture, error) {
	d := decoder{data: data}
	err := d.markers(func(mark byte, body []byte) (bool, error) {
		if mark != markSOS {
			return true, nil
		}
		if len(d.components) == 4 {
			return false, fmt.Errorf("%w: CMYK colour", ErrUnsupported)
		}
		s, err := d.scanOf(body)
		if err != nil {
			return false, err
		}
		return true, d.readScan(s)
	})
	if err != nil {
		return nil, err
	}
	if d.progressive {
		if err := d.transformAll(); err != nil {
			return nil, err
		}
	}
	for i, c := range d.components {
		if c.samples == nil {
			return nil, fmt.Errorf("%w: no scan of component %d", ErrFormat, i)
		}
	}
	return d.colours(), nil
}
