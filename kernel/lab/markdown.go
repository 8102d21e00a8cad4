package lab

import (
	"fmt"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// maxMarkdown bounds what a notebook is asked to keep.
const maxMarkdown = 1 << 20

// Markdown shows a file of Markdown, such as the table that the command score
// prints or a study's report.md, as the notebook's front end renders it: tables
// as tables, also in a saved notebook.
func Markdown(path string) {
	content, err := readLimited(path, maxMarkdown)
	if err == nil && strings.TrimSpace(string(content)) == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	if err != nil {
		fail(&refusal{"Markdown file: " + err.Error(), "what was to write it says why; paths are seen from the folder of the notebook"})
	}
	showMarkdown(string(content))
}

// showMarkdown shows Markdown as the notebook's front end renders it.
func showMarkdown(text string) {
	if !inNotebook() {
		fmt.Print(text)
		return
	}
	front.show(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMETextMarkdown: text,
		protocol.MIMETextPlain:    text,
	}})
	flush()
}
