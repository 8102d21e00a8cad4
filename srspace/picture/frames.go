package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/trustsr/trustsr/internal/hint"
	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// The standard decoders return the first frame or page of a file and keep
// silent on the rest. These inspect the containers, without decompressing
// anything, so that nothing is left out unsaid.

func errFrames(kind string) error {
	return hint.With(fmt.Errorf("%w: %s", ErrUnsupported, kind), "save the one picture you mean as PNG")
}

func inspectPNG(data []byte) error {
	for rest := data[8:]; len(rest) >= 12; {
		n := uint64(binary.BigEndian.Uint32(rest))
		if string(rest[4:8]) == "acTL" {
			return errFrames("animated png")
		}
		if n+12 > uint64(len(rest)) {
			return nil // cut off: the decoder says so
		}
		rest = rest[n+12:]
	}
	return nil
}

// inspectGIF counts image descriptors (GIF89a specification, section 20).
func inspectGIF(data []byte) error {
	if len(data) < 13 {
		return nil
	}
	p := 13
	if flags := data[10]; flags&0x80 != 0 {
		p += 3 << (flags&7 + 1)
	}
	// skipBlocks moves past data sub-blocks to their terminator.
	skipBlocks := func() {
		for p < len(data) && data[p] != 0 {
			p += 1 + int(data[p])
		}
		p++
	}
	for frames := 0; p < len(data); {
		switch data[p] {
		case 0x21: // extension: introducer, label, sub-blocks
			p += 2
			skipBlocks()
		case 0x2c: // image descriptor, local colour table, code size, sub-blocks
			if frames++; frames > 1 {
				return errFrames("animated gif")
			}
			if p+9 >= len(data) {
				return nil
			}
			flags := data[p+9]
			p += 10
			if flags&0x80 != 0 {
				p += 3 << (flags&7 + 1)
			}
			p++
			skipBlocks()
		default: // trailer, or damage that the decoder reports
			return nil
		}
	}
	return nil
}

// inspectTIFF looks for a second image file directory (TIFF 6.0, section 2) and
// for planes, which the decoder would read as interleaved.
func inspectTIFF(data []byte) error {
	if len(data) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 'M' {
		order = binary.BigEndian
	}
	first := uint64(order.Uint32(data[4:]))
	if first+2 > uint64(len(data)) {
		return nil
	}
	next := first + 2 + 12*uint64(order.Uint16(data[first:]))
	if next+4 <= uint64(len(data)) && order.Uint32(data[next:]) != 0 {
		return errFrames("tiff of several pages")
	}
	const planarConfiguration, samplesPerPixel = 284, 277
	r := bytes.NewReader(data)
	if planar, ok := tiffTag(r, planarConfiguration); ok && planar == 2 {
		if samples, ok := tiffTag(r, samplesPerPixel); ok && samples > 1 {
			return hint.With(fmt.Errorf("%w: tiff of a plane a channel (planar configuration 2)", ErrUnsupported), "save it again as PNG, or as TIFF with interleaved channels")
		}
	}
	return nil
}

// inspectWebP refuses animation and checks the size of every bitstream: an
// extended file's header states a canvas that its bitstream need not have.
func inspectWebP(data []byte) error {
	for rest := data[12:]; len(rest) >= 8; {
		n := uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:min(8+n, uint64(len(rest)))]
		switch string(rest[:4]) {
		case "VP8X":
			if len(body) > 0 && body[0]&0x02 != 0 {
				return errFrames("animated webp")
			}
		case "ANIM", "ANMF":
			return errFrames("animated webp")
		case "VP8 ":
			d := vp8.NewDecoder()
			d.Init(bytes.NewReader(body), len(body))
			if h, err := d.DecodeFrameHeader(); err == nil {
				if err := checkSize(h.Width, h.Height); err != nil {
					return err
				}
			}
		case "VP8L":
			if c, err := vp8l.DecodeConfig(bytes.NewReader(body)); err == nil {
				if err := checkSize(c.Width, c.Height); err != nil {
					return err
				}
			}
		}
		n += n & 1 // chunks are padded to even length
		if 8+n > uint64(len(rest)) {
			return nil
		}
		rest = rest[8+n:]
	}
	return nil
}
