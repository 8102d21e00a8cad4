package lab

import (
	"fmt"
	"html"
	"net/url"
	"os"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/kernel/wire"
)

// LinkedPlane shows the plane of Fig. 2 as a page: every sample, other
// methods, the mean of the picks of the list and controls that nobody chose,
// by any two of their numbers. Point at one to see it; drag to select; click a
// sample to pick it, which is a pick in the gallery too and moves the star of
// the mean. Beside the axes there always are, metrics with these ids are some:
// one is shown upward, of two the first across, for example "psnr/rgb/crop0"
// and "dists/noresize". Below stands a static picture of the plane, which is
// what a saved notebook keeps.
func (s *Space) LinkedPlane(name string, metrics ...string) {
	address := s.page("plane", name, metrics)
	figure := call(wire.Request{Op: wire.OpLinkedPlane, Space: s.info.Name, Picks: name, Metrics: metrics}).Figure
	showPage(address, "plane of "+s.info.Name, 760)
	showFigure(figure)
}

// PlaneHTML writes the linked plane as one file that works from a disk with no
// notebook and no network: its pictures are in it. Picks made there live as
// long as the page; it knows the mean of the picks as they are now.
func (s *Space) PlaneHTML(path, name string, metrics ...string) {
	s.writePage(path, wire.Request{Op: wire.OpPlaneHTML, Picks: name, Metrics: metrics})
}

// PlaneSVG writes the plane as a drawing for print, otherwise as PlaneHTML
// does; the picture below LinkedPlane is the same as a PNG.
func (s *Space) PlaneSVG(path, name string, metrics ...string) {
	s.writePage(path, wire.Request{Op: wire.OpPlaneSVG, Picks: name, Metrics: metrics})
}

// page returns the address of a page of the engine.
func (s *Space) page(kind, name string, metrics []string) string {
	base, token := os.Getenv(wire.EnvURL), os.Getenv(wire.EnvToken)
	if base == "" || token == "" {
		fail(&refusal{"there are no pages: " + wire.EnvURL + " is not set", startHint})
	}
	query := url.Values{"token": {token}, "name": {name}, "metric": metrics}
	return base + "/" + kind + "/" + url.PathEscape(s.info.Name) + "?" + query.Encode()
}

// showPage shows a page of the engine in a frame. In a notebook opened without
// the engine there is a line in its place: an <object> that cannot be loaded
// shows what is in it, where an <iframe> is a large grey box. A front end that
// lets no other server's page into an output, such as VS Code, has the link.
func showPage(address, title string, height int) {
	display(title+": open the notebook to use it",
		fmt.Sprintf(`<object data="%[1]s" type="text/html" title="%[2]s" aria-label="%[2]s" width="100%%" height="%[3]d" style="border:1px solid #8886;box-sizing:border-box">`+
			`<p style="opacity:.75">%[2]s: run this cell to use it; below is how it stood.</p></object>`+
			`<p style="opacity:.75"><a href="%[1]s" target="_blank" rel="noopener">%[2]s in a tab of its own</a>, also where the frame above stays empty, as in VS Code</p>`,
			html.EscapeString(address), html.EscapeString(title), height))
}

// writePage writes a page as a file, whole or not at all.
func (s *Space) writePage(path string, req wire.Request) {
	req.Space = s.info.Name
	page := call(req).Page
	if err := atomicfile.Write(path, page); err != nil {
		fail(&refusal{"writing the page: " + err.Error(), "paths are seen from the folder of the notebook"})
	}
	say("%s: %d kB; it needs nothing else to be opened in a browser.", path, (len(page)+1023)/1024)
}
