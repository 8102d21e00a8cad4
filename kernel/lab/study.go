package lab

import (
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/kernel/wire"
)

// StudyOption changes how [Study] serves.
type StudyOption func(*wire.Study)

// Listen serves a study to the computers and telephones of a network too:
// "0.0.0.0" for all of this computer's addresses, or one of them, with or
// without port. Whoever has the address that is shown, or its QR code, can
// take part.
func Listen(address string) StudyOption {
	return func(s *wire.Study) { s.Listen = address }
}

// StudyFile writes a study file to start from, with one trial for each space,
// unless it is there, and shows what participants will see. The protocol is the
// paper's Task 1 for digits and Task 2 for other pictures.
func StudyFile(path string, spaces ...*Space) {
	study := wire.Study{File: absolute(path)}
	for _, s := range spaces {
		study.Spaces = append(study.Spaces, s.info.Name)
	}
	showResult(call(wire.Request{Op: wire.OpNewStudy, Study: &study}))
}

// Study serves the study that a file describes and shows the addresses for
// participants' browsers and for the organiser's; with [Listen] also a QR
// code. The cell is free at once; the study runs until the kernel stops and,
// when the cell is run again, continues from where it was at the same port, so
// that open pages keep working. A study that another process serves is refused.
func Study(path string, options ...StudyOption) {
	study := wire.Study{File: absolute(path)}
	for _, option := range options {
		option(&study)
	}
	showResult(call(wire.Request{Op: wire.OpStudy, Study: &study}))
}

// Rehearse lets simulated participants of a behaviour (see [Space.Simulate])
// take part in a study, through the same server as people. Their votes go to a
// store of their own, beside the study file with the ending .simulated.db;
// those of an earlier rehearsal are replaced. [Rehearsed] names it.
func Rehearse(path string, people int, behaviour string) {
	showResult(call(wire.Request{Op: wire.OpRehearse, Study: &wire.Study{File: absolute(path), People: people, Behaviour: behaviour}}))
}

// Rehearsed is the file of the votes that Rehearse made for a study.
func Rehearsed(path string) string {
	return strings.TrimSuffix(absolute(path), filepath.Ext(path)) + ".simulated.db"
}

// Report writes the report of a study's votes into a folder beside its file,
// and shows Table 1, the summary and Fig. 4. store names the votes where they
// are not the study's own, for example those of a rehearsal.
func Report(path string, store ...string) {
	study := wire.Study{File: absolute(path)}
	if len(store) > 0 {
		study.Store = absolute(store[0])
	}
	showResult(call(wire.Request{Op: wire.OpStudyReport, Study: &study}))
}

// showResult shows all that an answer holds, texts first.
func showResult(r *wire.Result) {
	for _, text := range r.Markdown {
		showMarkdown(text)
	}
	for _, t := range r.Tables {
		showTable(t)
	}
	if r.Figure != nil {
		showFigure(r.Figure)
	}
	for i := range r.Figures {
		showFigure(&r.Figures[i])
	}
	if r.Text != "" {
		say("%s", r.Text)
	}
}
