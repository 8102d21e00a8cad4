package lab

import (
	"fmt"
	"html"
	"strings"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Simulate lets simulated participants do the paper's task on the space: read
// the digit and pick two samples (Task 1), or pick at most three of other
// pictures (Task 2). behaviour is "expert", who looks with the digit reader's
// eyes or favours what agrees with the LR picture, and some noise; "uniform",
// who clicks at random; "position-biased", "sleeper", "straight-liner"; or "mix".
// It shows the samples most picked with their mean and one mean for each
// reading, Table 1 of the paper with intervals, and where the mean stands among
// random ones: what choosing added. The numbers are those of the command
// "tally --simulate" on the same space. They prove nothing about people.
func (s *Space) Simulate(people int, behaviour string) {
	result := call(wire.Request{Op: wire.OpSimulate, Space: s.info.Name, People: people, Behaviour: behaviour})
	showFigure(result.Figure)
	for _, text := range result.Markdown {
		showMarkdown(text)
	}
}

// showTable shows text in rows and columns. What looks like an address can be
// clicked.
func showTable(t wire.Table) {
	var plain, rows strings.Builder
	fmt.Fprintf(&plain, "%s\n%s", t.Caption, strings.Join(t.Head, "\t"))
	cells := func(tag string, row []string) {
		rows.WriteString("<tr>")
		for _, c := range row {
			text := html.EscapeString(c)
			if strings.HasPrefix(c, "http://") {
				text = `<a href="` + text + `" target="_blank" rel="noreferrer">` + text + "</a>"
			}
			fmt.Fprintf(&rows, `<%s style="text-align:left">%s</%s>`, tag, text, tag)
		}
		rows.WriteString("</tr>")
	}
	cells("th", t.Head)
	for _, row := range t.Rows {
		plain.WriteString("\n" + strings.Join(row, "\t"))
		cells("td", row)
	}
	display(plain.String(), "<p>"+html.EscapeString(t.Caption)+"</p><table>"+rows.String()+"</table>")
}
