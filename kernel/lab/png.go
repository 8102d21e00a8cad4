package lab

import (
	"bytes"
	"fmt"
	"os"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// PNG shows a picture that the cell has made, the content of a PNG file.
func PNG(content []byte) {
	const start = "\x89PNG\r\n\x1a\n"
	if !bytes.HasPrefix(content, []byte(start)) {
		fail(&refusal{"the picture is no PNG", "encode it with image/png"})
	}
	if !inNotebook() {
		fmt.Fprintf(os.Stdout, "(picture, PNG of %d bytes)\n", len(content))
		return
	}
	front.show(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMEImagePNG:  content,
		protocol.MIMETextPlain: "(picture)",
	}})
	flush()
}
