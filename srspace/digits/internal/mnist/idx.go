// Package mnist reads the files that MNIST is published in.
package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
)

// Side is the height and width of a digit in pixels.
const Side = 28

// idxLimit bounds what an IDX file may unpack to: 200,000 digits.
const idxLimit = 200_000 * Side * Side

// readIDX reads an IDX file of unsigned bytes, gzip-compressed or plain
// (http://yann.lecun.com/exdb/mnist): the sizes of its axes and the bytes.
// Nothing is allocated beyond the bytes that are there.
func readIDX(data []byte, axes int) ([]int, []byte, error) {
	if len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, nil, fmt.Errorf("idx: %w", err)
		}
		if data, err = io.ReadAll(io.LimitReader(z, idxLimit+1)); err != nil {
			return nil, nil, fmt.Errorf("idx: %w", err)
		}
	}
	head := 4 + 4*axes
	if len(data) < head || data[0] != 0 || data[1] != 0 || data[2] != 8 || int(data[3]) != axes {
		return nil, nil, fmt.Errorf("idx: not a file of unsigned bytes with %d axes", axes)
	}
	shape := make([]int, axes)
	n := int64(1)
	for i := range shape {
		d := int64(binary.BigEndian.Uint32(data[4+4*i:]))
		if d == 0 || n > idxLimit/d {
			return nil, nil, fmt.Errorf("idx: axis %d of size %d: more than %d bytes", i, d, idxLimit)
		}
		shape[i] = int(d)
		n *= d
	}
	if int64(len(data)-head) != n {
		return nil, nil, fmt.Errorf("idx: sizes %v need %d bytes, the file has %d", shape, n, len(data)-head)
	}
	return shape, data[head:], nil
}

// Set is a part of MNIST: Images are N × 28 × 28 grey bytes, white on black.
type Set struct {
	N      int
	Images []byte
	Labels []byte // 0 to 9
}

// Image returns the bytes of digit i, 0 to N-1.
func (s *Set) Image(i int) []byte { return s.Images[i*Side*Side : (i+1)*Side*Side] }

// Parse joins an image file and a label file, gzip-compressed or plain. The
// error says which of them is not what it should be.
func Parse(images, labels []byte) (*Set, error) {
	shape, pixels, err := readIDX(images, 3)
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if shape[1] != Side || shape[2] != Side {
		return nil, fmt.Errorf("images: %d×%d pixels, not %d×%d", shape[2], shape[1], Side, Side)
	}
	count, values, err := readIDX(labels, 1)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	if count[0] != shape[0] {
		return nil, fmt.Errorf("%d images but %d labels", shape[0], count[0])
	}
	for i, v := range values {
		if v > 9 {
			return nil, fmt.Errorf("labels: label %d is %d", i, v)
		}
	}
	return &Set{shape[0], pixels, values}, nil
}
