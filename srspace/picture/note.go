package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// WithNote returns a PNG file with a text in it, under the keyword
// "Description", that programs show which show what a file says of itself. The
// pixels stay as they are. An empty note changes nothing.
func WithNote(file []byte, note string) ([]byte, error) {
	const signature, header = 8, 8 + 25 // IHDR is always first, and 25 bytes long
	if note == "" {
		return file, nil
	}
	if len(file) < header || !bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")) || string(file[signature+4:signature+8]) != "IHDR" {
		return nil, fmt.Errorf("a note for a picture: %w", ErrNotImage)
	}
	// International text: keyword, not compressed, no language, UTF-8.
	chunk := append([]byte("iTXtDescription\x00\x00\x00\x00\x00"), note...)
	out := bytes.Clone(file[:header])
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, file[header:]...), nil
}
