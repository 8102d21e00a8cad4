package srspace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/trustsr/trustsr/srspace/picture"
)

// A sample's PNG carries a stamp: a tEXt chunk with its address, the
// fingerprint of its whole recipe and the hash of its pixels. A sample thus
// says by itself where it comes from, and a space knows its own from files
// that were cut, edited, renamed or put there by others.

const (
	stampKeyword = "srspace"
	stampOffset  = 8 + 12 + 13 // signature and IHDR
	stampMax     = 4096        // bytes of text
)

// pngEnd is the IEND chunk, the last bytes of every complete PNG.
var pngEnd = []byte("\x00\x00\x00\x00IEND\xae\x42\x60\x82")

// errStamp says that a file is no sample of its space.
var errStamp = errors.New("not a sample of this space")

// stampOrigin is the part of the stamp known before the sample is drawn.
func stampOrigin(a Address, recipeFingerprint string) string {
	return a.String() + " recipe " + recipeFingerprint
}

// encodeSample returns the picture's PNG with its stamp.
func encodeSample(m *picture.Image, origin string) ([]byte, error) {
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		return nil, err
	}
	text := stampKeyword + "\x00" + origin + " pixels " + m.Hash()
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	chunk = append(chunk, "tEXt"+text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	plain := b.Bytes()
	out := make([]byte, 0, len(plain)+len(chunk))
	out = append(out, plain[:stampOffset]...)
	out = append(out, chunk...)
	return append(out, plain[stampOffset:]...), nil
}

// readStamp returns the stamp's text from the head of a PNG.
func readStamp(head []byte) (string, bool) {
	if len(head) < stampOffset+12 {
		return "", false
	}
	n := int64(binary.BigEndian.Uint32(head[stampOffset:]))
	body := head[stampOffset+4:]
	if n > stampMax || n+8 > int64(len(body)) || string(body[:4]) != "tEXt" {
		return "", false
	}
	if crc32.ChecksumIEEE(body[:4+n]) != binary.BigEndian.Uint32(body[4+n:]) {
		return "", false
	}
	text, ok := bytes.CutPrefix(body[4:4+n], []byte(stampKeyword+"\x00"))
	return string(text), ok
}

// looksFinished reports whether path is a complete file with the stamp of
// this origin, from its first and last bytes alone.
func looksFinished(path, origin string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, stampOffset+12+stampMax)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return false
	}
	text, ok := readStamp(head[:n])
	if !ok || !hasOrigin(text, origin) {
		return false
	}
	tail := make([]byte, len(pngEnd))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return false
	}
	return bytes.Equal(tail, pngEnd)
}

func hasOrigin(text, origin string) bool {
	return len(text) > len(origin) && text[:len(origin)] == origin && text[len(origin)] == ' '
}

// readSample decodes the sample at path and checks stamp and pixels.
func readSample(path, origin string) (*picture.Image, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > picture.MaxFileBytes {
		return nil, fmt.Errorf("%s: %w: not a regular file of at most %d MiB", path, errStamp, picture.MaxFileBytes>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := picture.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if text, _ := readStamp(data); text != origin+" pixels "+m.Hash() {
		return nil, fmt.Errorf("%s: %w: its stamp is missing or says otherwise", path, errStamp)
	}
	return m, nil
}
