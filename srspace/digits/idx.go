package digits

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/trustsr/trustsr/internal/hint"
)

// side is the height and width of a digit in pixels, lrSide of its LR
// picture, scale the ratio.
const (
	side   = 28
	lrSide = 7
	scale  = 4
)

// idxLimit bounds what an IDX file may unpack to: 200,000 digits.
const idxLimit = 200_000 * side * side

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

// set is a part of MNIST: images are n × 28 × 28 grey bytes, white on black.
type set struct {
	n      int
	images []byte
	labels []byte
}

func (s *set) image(i int) []byte { return s.images[i*side*side : (i+1)*side*side] }

// parseSet joins an image file and a label file.
func parseSet(images, labels []byte) (*set, error) {
	shape, pixels, err := readIDX(images, 3)
	if err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	if shape[1] != side || shape[2] != side {
		return nil, fmt.Errorf("images: %d×%d pixels, not %d×%d", shape[2], shape[1], side, side)
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
	return &set{shape[0], pixels, values}, nil
}

// readFirst reads the first file that is there of the names MNIST goes by.
func readFirst(dir, name string) (path string, data []byte, err error) {
	for _, suffix := range []string{".gz", ""} {
		path = dir + "/" + name + suffix
		if data, err = os.ReadFile(path); err == nil {
			return path, data, nil
		}
	}
	return "", nil, hint.With(fmt.Errorf("%s/%s or %s.gz: %w", dir, name, name, err),
		"--data names the folder that holds MNIST's training images and labels, train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz")
}
