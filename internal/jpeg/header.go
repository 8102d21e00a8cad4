package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with a file. Errors wrap one of these.
var (
	ErrCut         = errors.New("jpeg: the data end too early")
	ErrFormat      = errors.New("jpeg: damaged")
	ErrUnsupported = errors.New("jpeg: unsupported")
)

// The markers of ITU T.81, table B.1, that are told apart.
const (
	markSOF0  = 0xc0 // baseline
	markSOF1  = 0xc1 // extended sequential
	markSOF2  = 0xc2 // progressive
	markDHT   = 0xc4
	markJPG   = 0xc8
	markDAC   = 0xcc
	markSOF15 = 0xcf
	markRST0  = 0xd0
	markRST7  = 0xd7
	markSOI   = 0xd8
	markEOI   = 0xd9
	markSOS   = 0xda
	markDQT   = 0xdb
	markDNL   = 0xdc
	markDRI   = 0xdd
	markAPP0  = 0xe0
	markAPP14 = 0xee
	markTEM   = 0x01
)

// Config is what the header of a file says.
type Config struct {
	Width, Height int // in pixels
	Components    int // 1 grey, 3 colour, 4 CMYK, which [Decode] refuses
}

// maxScans bounds the work that a small hostile file can ask for; encoders
// write about ten.
const maxScans = 500

// component is one plane of the picture.
type component struct {
	id            byte
	h, v          int // sampling factors, 1 to 4
	width, height int // of the plane, in samples, without padding
	blocksX       int // blocks a line, padded to whole MCUs
	blocksY       int
	quant         *[64]int32 // taken at the component's first scan, in zigzag order
	table         byte       // of the quantisation
	dc, ac        *huffman
	predicted     int32 // DC value of the block before

	samples []byte  // blocksX·8 × blocksY·8
	coefs   []int16 // of a progressive file: 64 a block, in natural order
	// left[k] is how many low bits of coefficient k, in zigzag order, the scans
	// so far leave out; -1 before the first.
	left [64]int8
}

// decoder reads one file.
type decoder struct {
	data []byte
	pos  int

	config      Config
	progressive bool
	hmax, vmax  int
	components  []*component
	quant       [4]*[64]int32
	dc, ac      [4]*huffman
	restart     int // MCUs between restart markers, 0 for none
	scans       int

	jfif      bool
	adobe     bool
	transform byte // of the Adobe marker

	bits bits
	// eobRun counts the blocks to come that the scan says nothing more of.
	eobRun int
}

// DecodeConfig reads the header of a file: data may be its beginning only; what
// it lacks is an error that wraps [ErrCut].
func DecodeConfig(data []byte) (Config, error) {
	d := decoder{data: data}
	err := d.markers(func(mark byte, _ []byte) (bool, error) { return mark != markSOS, nil })
	return d.config, err
}

// markers reads segments and calls more with the marker and the body of each,
// once its own data are in d; it ends when more returns false, or at the end of
// the image.
func (d *decoder) markers(more func(mark byte, body []byte) (bool, error)) error {
	if len(d.data) < 2 {
		return ErrCut
	}
	if d.data[0] != 0xff || d.data[1] != markSOI {
		return fmt.Errorf("%w: no start of image", ErrFormat)
	}
	d.pos = 2
	for {
		mark, err := d.nextMarker()
		if err != nil {
			return err
		}
		switch {
		case mark == markEOI:
			if d.scans == 0 {
				return fmt.Errorf("%w: no picture in it", ErrFormat)
			}
			return nil
		case mark == markSOI:
			return fmt.Errorf("%w: a second start of image", ErrFormat)
		case mark == markTEM || mark >= markRST0 && mark <= markRST7:
			continue // without data; libjpeg passes over them too
		}
		if d.pos+2 > len(d.data) {
			return ErrCut
		}
		n := int(binary.BigEndian.Uint16(d.data[d.pos:]))
		if n < 2 {
			return fmt.Errorf("%w: a segment of length %d", ErrFormat, n)
		}
		if d.pos+n > len(d.data) {
			return ErrCut
		}
		body := d.data[d.pos+2 : d.pos+n]
		d.pos += n
		if err := d.segment(mark, body); err != nil {
			return err
		}
		if mark == markSOS && d.components == nil {
			return fmt.Errorf("%w: a scan before the size", ErrFormat)
		}
		if mark == markSOS {
			d.scans++
		}
		if again, err := more(mark, body); err != nil || !again {
			return err
		}
	}
}

// nextMarker moves past the next marker. Other bytes before it are passed over,
// as libjpeg does with a warning.
func (d *decoder) nextMarker() (byte, error) {
	for p := d.pos; p+1 < len(d.data); p++ {
		if d.data[p] == 0xff && d.data[p+1] != 0xff && d.data[p+1] != 0 {
			d.pos = p + 2
			return d.data[p+1], nil
		}
	}
	return 0, ErrCut
}

func (d *decoder) segment(mark byte, body []byte) error {
	switch {
	case mark == markDHT:
		return d.huffmanTables(body)
	case mark == markDQT:
		return d.quantisation(body)
	case mark == markDRI:
		if len(body) != 2 {
			return fmt.Errorf("%w: restart interval", ErrFormat)
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case mark == markDNL:
		return fmt.Errorf("%w: the height follows the picture (DNL)", ErrUnsupported)
	case mark == markDAC:
		return fmt.Errorf("%w: arithmetic coding", ErrUnsupported)
	case mark >= markSOF0 && mark <= markSOF15 && mark != markJPG:
		return d.frame(mark, body)
	case mark == markAPP0:
		d.jfif = d.jfif || len(body) >= 5 && string(body[:5]) == "JFIF\x00"
	case mark == markAPP14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe, d.transform = true, body[11]
		}
	}
	return nil
}

// frame reads the size and the components (T.81, B.2.2).
func (d *decoder) frame(mark byte, body []byte) error {
	if mark > markSOF2 {
		return fmt.Errorf("%w: coding process %d (SOF%d)", ErrUnsupported, mark-markSOF0, mark-markSOF0)
	}
	if d.components != nil {
		return fmt.Errorf("%w: two sizes", ErrFormat)
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return fmt.Errorf("%w: frame header", ErrFormat)
	}
	if body[0] != 8 {
		return fmt.Errorf("%w: %d bits a sample", ErrUnsupported, body[0])
	}
	d.progressive = mark == markSOF2
	d.config = Config{
		Height:     int(binary.BigEndian.Uint16(body[1:])),
		Width:      int(binary.BigEndian.Uint16(body[3:])),
		Components: int(body[5]),
	}
	if d.config.Height == 0 {
		return fmt.Errorf("%w: the height follows the picture (DNL)", ErrUnsupported)
	}
	if d.config.Width == 0 {
		return fmt.Errorf("%w: no width", ErrFormat)
	}
	if n := d.config.Components; n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("%w: %d components", ErrUnsupported, n)
	}
	for i := range d.config.Components {
		c := &component{id: body[6+3*i], h: int(body[7+3*i] >> 4), v: int(body[7+3*i] & 15), table: body[8+3*i]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return fmt.Errorf("%w: component %d", ErrFormat, i)
		}
		for _, other := range d.components {
			if other.id == c.id {
				return fmt.Errorf("%w: two components are called %d", ErrFormat, c.id)
			}
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
		d.components = append(d.components, c)
	}
	for _, c := range d.components {
		if d.hmax%c.h != 0 || d.vmax%c.v != 0 {
			return fmt.Errorf("%w: sampling by %d:%d and %d:%d", ErrUnsupported, c.h, d.hmax, c.v, d.vmax)
		}
		c.width = ceilDiv(d.config.Width*c.h, d.hmax)
		c.height = ceilDiv(d.config.Height*c.v, d.vmax)
		c.blocksX = ceilDiv(d.config.Width, 8*d.hmax) * c.h
		c.blocksY = ceilDiv(d.config.Height, 8*d.vmax) * c.v
		for k := range c.left {
			c.left[k] = -1
		}
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// quantisation reads tables of quantisation (T.81, B.2.4.1).
func (d *decoder) quantisation(body []byte) error {
	for len(body) > 0 {
		wide, table := body[0]>>4, body[0]&15
		size := 64 * (1 + int(wide))
		if wide > 1 || table > 3 || len(body) < 1+size {
			return fmt.Errorf("%w: quantisation table", ErrFormat)
		}
		var q [64]int32
		for k := range q {
			if wide == 0 {
				q[k] = int32(body[1+k])
			} else {
				q[k] = int32(binary.BigEndian.Uint16(body[1+2*k:]))
			}
		}
		d.quant[table] = &q
		body = body[1+size:]
	}
	return nil
}
