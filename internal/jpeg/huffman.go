package jpeg

import "fmt"

// lookBits is how many bits of a code are looked up at once.
const lookBits = 9

// huffman is a table of codes.
type huffman struct {
	// look holds, for the next lookBits bits, the length of the code they begin
	// with, times 256, and its value; 0 where the code is longer.
	look [1 << lookBits]uint16
	// above is one more than the greatest code of a length, moved left to 16
	// bits; first gives, added to a code, the index of its value.
	above  [17]int32
	first  [17]int32
	values []byte
}

// huffmanTables reads tables of codes (T.81, B.2.4.2).
func (d *decoder) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return fmt.Errorf("%w: code table", ErrFormat)
		}
		class, table := body[0]>>4, body[0]&15
		n := 0
		for _, count := range body[1:17] {
			n += int(count)
		}
		if class > 1 || table > 3 || n > 256 || len(body) < 17+n {
			return fmt.Errorf("%w: code table", ErrFormat)
		}
		h, err := newHuffman(body[1:17], body[17:17+n])
		if err != nil {
			return err
		}
		if class == 0 {
			d.dc[table] = h
		} else {
			d.ac[table] = h
		}
		body = body[17+n:]
	}
	return nil
}

// newHuffman assigns the codes in order (T.81, annex C). counts are the numbers
// of codes of 1 to 16 bits.
func newHuffman(counts, values []byte) (*huffman, error) {
	h := &huffman{values: values}
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		h.first[length] = index - code
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, fmt.Errorf("%w: more codes than fit %d bits", ErrFormat, length)
			}
			if length <= lookBits {
				from := code << (lookBits - length)
				for i := range int32(1) << (lookBits - length) {
					h.look[from+i] = uint16(length)<<8 | uint16(values[index])
				}
			}
			code++
			index++
		}
		h.above[length] = code << (16 - length)
		code <<= 1
	}
	return h, nil
}

// bits reads the entropy-coded data between two markers.
type bits struct {
	data []byte
	pos  int
	acc  uint64
	n    int // valid bits of acc, the lowest ones
	// padding is how many zeros were put in after the data ended.
	padding int
}

// start begins at a position, behind a marker.
func (b *bits) start(data []byte, pos int) { *b = bits{data: data, pos: pos} }

// fill makes at least 32 bits valid, with zeros after the end.
func (b *bits) fill() {
	for b.n <= 56 {
		v := uint64(0)
		switch {
		case b.pos >= len(b.data):
			b.padding += 8
		case b.data[b.pos] != 0xff:
			v = uint64(b.data[b.pos])
			b.pos++
		case b.pos+1 < len(b.data) && b.data[b.pos+1] == 0:
			v = 0xff
			b.pos += 2
		default: // a marker
			b.padding += 8
		}
		b.acc = b.acc<<8 | v
		b.n += 8
	}
}

// overrun reports whether bits after the end of the data were used.
func (b *bits) overrun() bool { return b.n < b.padding }

// take returns the next n bits, 0 to 16; [bits.fill] or symbol came before.
func (b *bits) take(n int) int32 {
	b.n -= n
	return int32(b.acc>>b.n) & (1<<n - 1)
}

// one returns the next bit.
func (b *bits) one() int32 {
	if b.n == 0 {
		b.fill()
	}
	return b.take(1)
}

// symbol decodes a value of a table; 16 bits more may be taken after it.
func (b *bits) symbol(h *huffman) (byte, error) {
	if b.n < 32 {
		b.fill()
	}
	if e := h.look[b.acc>>(b.n-lookBits)&(1<<lookBits-1)]; e != 0 {
		b.n -= int(e >> 8)
		return byte(e), nil
	}
	next := int32(b.acc>>(b.n-16)) & 0xffff
	for length := lookBits + 1; length <= 16; length++ {
		if next < h.above[length] {
			b.n -= length
			return h.values[h.first[length]+next>>(16-length)], nil
		}
	}
	if b.padding > 0 {
		return 0, ErrCut
	}
	return 0, fmt.Errorf("%w: no such code", ErrFormat)
}

// extended returns the next n bits as a signed difference (T.81, F.2.2.1).
func (b *bits) extended(n int) int32 {
	if n == 0 {
		return 0
	}
	v := b.take(n)
	if v < 1<<(n-1) {
		v += -1<<n + 1
	}
	return v
}
