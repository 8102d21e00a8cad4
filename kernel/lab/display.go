package lab

import (
	"fmt"
	"html"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Everything goes through GoNB's pipe, text too: GoNB keeps no order between
// it and standard output. Outside a notebook text goes to standard output and
// pictures are named only.

// say shows one line of text.
func say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	display(text, "<p>"+html.EscapeString(text)+"</p>")
}

// display shows HTML; plain is what a front end without HTML shows.
func display(plain, markup string) {
	if !inNotebook() {
		fmt.Println(plain)
		return
	}
	front.show(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  markup,
		protocol.MIMETextPlain: plain,
	}})
	flush()
}

// showFigure shows a picture and its caption.
func showFigure(f *wire.Figure) {
	if !inNotebook() {
		fmt.Printf("%s (picture of %d×%d pixels)\n", f.Caption, f.Width, f.Height)
		return
	}
	front.show(&protocol.DisplayData{
		Data: map[protocol.MIMEType]any{protocol.MIMEImagePNG: f.PNG, protocol.MIMETextPlain: f.Caption},
		// Of the types that GoNB's pipe takes, this one is JSON's {"width": …}.
		Metadata: map[string]any{string(protocol.MIMEImagePNG): map[string]int{"width": f.Width, "height": f.Height}},
	})
	display(f.Caption, `<p style="opacity:.75">`+html.EscapeString(f.Caption)+"</p>")
}

// flush waits until the notebook has what was sent.
func flush() {
	if inNotebook() {
		front.flush()
	}
}

// progressBar shows how far a request is: one line that is rewritten.
type progressBar struct {
	mu   sync.Mutex
	id   string
	next time.Time // no update before
	done bool

	finished chan struct{} // closed when it is done
}

// barPause is the least time between two updates: each is a message through
// the notebook's server. barDelay is how long work may take without a bar.
const barPause = 200 * time.Millisecond

var barDelay = 400 * time.Millisecond

func newProgressBar() *progressBar {
	return &progressBar{next: time.Now().Add(barDelay), finished: make(chan struct{})}
}

func (b *progressBar) show(p wire.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done || !inNotebook() || time.Now().Before(b.next) {
		return
	}
	if b.id == "" {
		b.id = newDisplayID()
	}
	b.next = time.Now().Add(barPause)
	b.rewrite(progressHTML(p))
}

func (b *progressBar) rewrite(markup string) {
	front.show(&protocol.DisplayData{Data: map[protocol.MIMEType]any{protocol.MIMETextHTML: markup}, DisplayID: b.id})
}

// finish takes the bar away.
func (b *progressBar) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.id != "" && !b.done {
		b.rewrite("")
		flush()
	}
	if !b.done {
		close(b.finished)
	}
	b.done = true
}

func progressHTML(p wire.Progress) string {
	note := html.EscapeString(p.Note)
	if p.Total <= 0 {
		return "<p>" + note + " …</p>"
	}
	left := ""
	if p.ETA > 0 {
		left = ", " + duration(p.ETA) + " left"
	}
	return fmt.Sprintf(`<p><progress max="%d" value="%.1f"></progress> %s %d of %d%s</p>`, p.Total, float64(p.Done)+p.Part, note, p.Done, p.Total, left)
}

// duration puts seconds in words.
func duration(seconds float64) string {
	s := int(math.Ceil(seconds))
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d min %02d s", s/60, s%60)
}

// bars shows how many samples are read as each digit.
func bars(r *wire.Readings) {
	total := len(r.Samples)
	var plain, rows strings.Builder
	for digit, n := range r.Counts {
		if n == 0 {
			continue
		}
		fmt.Fprintf(&plain, "%d of %d samples are read as %d\n", n, total, digit)
		fmt.Fprintf(&rows, `<tr><td style="text-align:left">%d of %d samples are read as %d</td>`+
			`<td style="text-align:left;width:260px"><div style="background:#c2410c;height:12px;width:%.1f%%"></div></td></tr>`,
			n, total, digit, 100*float64(n)/float64(total))
	}
	display(strings.TrimSuffix(plain.String(), "\n"), "<table>"+rows.String()+"</table>")
}
