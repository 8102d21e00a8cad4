package picture

import (
	"encoding/binary"
	"io"
)

// Orientation is the EXIF tag of that name (0x0112): how a stored picture is to
// be turned for people to see it upright. 1 is as stored. Cameras store the rows
// of their sensor and say with it how they were held.
type Orientation int

// String says what is done to the stored picture; "" for 1.
func (o Orientation) String() string {
	switch o {
	case 2:
		return "mirrored left to right"
	case 3:
		return "turned by 180°"
	case 4:
		return "mirrored top to bottom"
	case 5:
		return "mirrored left to right and turned 90° to the left"
	case 6:
		return "turned 90° to the right"
	case 7:
		return "mirrored left to right and turned 90° to the right"
	case 8:
		return "turned 90° to the left"
	}
	return ""
}

// turned reports whether width and height are exchanged.
func (o Orientation) turned() bool { return o >= 5 && o <= 8 }

// upright returns the picture as people see it.
func (o Orientation) upright(m *Image) *Image {
	if o < 2 || o > 8 {
		return m
	}
	w, h := m.Width, m.Height
	out := NewImage(w, h)
	if o.turned() {
		out.Width, out.Height = h, w
	}
	i := 0
	for y := range out.Height {
		for x := range out.Width {
			var from, row int // of the stored picture
			switch o {
			case 2:
				from, row = w-1-x, y
			case 3:
				from, row = w-1-x, h-1-y
			case 4:
				from, row = x, h-1-y
			case 5:
				from, row = y, x
			case 6:
				from, row = y, h-1-x
			case 7:
				from, row = w-1-y, h-1-x
			case 8:
				from, row = w-1-y, x
			}
			copy(out.Pix[i:i+3], m.Pix[3*(row*w+from):])
			i += 3
		}
	}
	return out
}

// The readers below find the tag in a file's container without reading its
// pixels. What is damaged or absent is 1, as stored.

// maxChunks bounds how many parts of a file are looked at: a file of 256 MiB in
// parts of a kilobyte has fewer.
const maxChunks = 1 << 19

// tiffOrientation reads the tag of the first directory of a TIFF structure,
// which a TIFF file is and which EXIF data are.
func tiffOrientation(r io.ReaderAt) Orientation {
	if v, ok := tiffTag(r, 0x0112); ok && v >= 1 && v <= 8 {
		return Orientation(v)
	}
	return 1
}

// tiffTag returns the first value of a tag of 16 bits in the first directory
// (TIFF 6.0, section 2).
func tiffTag(r io.ReaderAt, tag uint16) (value uint16, ok bool) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return 0, false
	}
	var order binary.ByteOrder
	switch string(head[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	at := int64(order.Uint32(head[4:]))
	var count [2]byte
	if _, err := r.ReadAt(count[:], at); err != nil {
		return 0, false
	}
	entries := make([]byte, 12*int(order.Uint16(count[:])))
	if _, err := r.ReadAt(entries, at+2); err != nil && err != io.EOF {
		return 0, false
	}
	const short = 3
	for e := entries; len(e) >= 12; e = e[12:] {
		if order.Uint16(e) == tag && order.Uint16(e[2:]) == short && order.Uint32(e[4:]) >= 1 {
			if order.Uint32(e[4:]) > 2 { // stored elsewhere
				var first [2]byte
				_, err := r.ReadAt(first[:], int64(order.Uint32(e[8:])))
				return order.Uint16(first[:]), err == nil
			}
			return order.Uint16(e[8:]), true
		}
	}
	return 0, false
}

// pngOrientation reads the chunk eXIf (PNG, third edition, 11.3.4.5).
func pngOrientation(r io.ReaderAt) Orientation {
	at := int64(8)
	for range maxChunks {
		var head [8]byte
		if _, err := r.ReadAt(head[:], at); err != nil {
			return 1
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if string(head[4:]) == "eXIf" {
			return tiffOrientation(io.NewSectionReader(r, at+8, n))
		}
		at += n + 12
	}
	return 1
}

// webpOrientation reads the chunk EXIF; some writers begin it as JPEG does.
func webpOrientation(r io.ReaderAt) Orientation {
	at := int64(12)
	for range maxChunks {
		var head [14]byte
		if n, _ := r.ReadAt(head[:], at); n < 8 {
			return 1
		}
		n := int64(binary.LittleEndian.Uint32(head[4:]))
		if string(head[:4]) == "EXIF" {
			if n >= 6 && string(head[8:]) == "Exif\x00\x00" {
				return tiffOrientation(io.NewSectionReader(r, at+14, n-6))
			}
			return tiffOrientation(io.NewSectionReader(r, at+8, n))
		}
		at += 8 + n + n&1
	}
	return 1
}

// jpegOrientation reads the first APP1 segment with EXIF before the first scan.
func jpegOrientation(r io.ReaderAt) Orientation {
	at := int64(2)
	for range maxChunks {
		var head [10]byte
		if n, _ := r.ReadAt(head[:], at); n < 4 || head[0] != 0xff {
			return 1
		}
		n := int64(binary.BigEndian.Uint16(head[2:]))
		switch {
		case head[1] == 0xff: // a fill byte
			at++
			continue
		case head[1] == 0xda || head[1] == 0xd9 || n < 2:
			return 1
		case head[1] == 0xe1 && n >= 8 && string(head[4:]) == "Exif\x00\x00":
			return tiffOrientation(io.NewSectionReader(r, at+10, n-8))
		}
		at += 2 + n
	}
	return 1
}
