package lab

import (
	"fmt"
	"html"
	"strings"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Simulate lets simulated participants do the paper's Task 1 on the space:
// read the digit and pick two samples. behaviour is "expert", who looks with
// the digit reader's eyes and some noise, "uniform", who clicks at random,
// "position-biased", "sleeper" or "straight-liner". It shows the samples most
// picked with their mean and one mean for each reading, Table 1 of the paper
// with intervals, and where the mean stands among random ones: what choosing
// added. They prove nothing about people.
func (s *Space) Simulate(people int, behaviour string) {
	result := call(wire.Request{Op: wire.OpSimulate, Space: s.info.Name, People: people, Behaviour: behaviour})
	showFigure(result.Figure)
	for _, t := range result.Tables {
		showTable(t)
	}
}

// StudyOption changes how [Study] serves.
type StudyOption func(*wire.Request)

// Listen serves a study to the computers and telephones of a network too:
// "0.0.0.0" for all of this computer's addresses, or one of them, with or
// without port. Whoever has the address that is shown, or its QR code, can
// take part.
func Listen(address string) StudyOption {
	return func(r *wire.Request) { r.Listen = address }
}

// Study serves the study that a file describes and shows the addresses for
// participants' browsers and for the organiser's; with [Listen] also a QR
// code. The cell is free at once; the study goes on until the kernel stops,
// and, when the cell is run again, from where it was and at the same port, so
// that open pages go on too. A study that another kernel or go run ./kernel
// study serve has in hand is refused.
func Study(path string, options ...StudyOption) {
	req := wire.Request{Op: wire.OpStudy, Study: absolute(path)}
	for _, option := range options {
		option(&req)
	}
	result := call(req)
	for _, t := range result.Tables {
		showTable(t)
	}
	if result.Figure != nil {
		showFigure(result.Figure)
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
