package engine

import (
	"errors"
	"fmt"
	"image"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// pages returns the handler of everything the browser sees:
//
//	GET  /gallery/{space}            the page
//	GET  /gallery/{space}/data       what it shows
//	GET  /gallery/{space}/{picture}  sprite.png, lr.png, bicubic.png, mean.png
//	GET  /gallery/{space}/orders     by what samples can be sorted and grouped
//	GET  /gallery/{space}/order      the number of each sample, with progress
//	GET  /gallery/{space}/picks      the list of picks
//	POST /gallery/{space}/picks      one change of it
//	GET  /page/{file}                style and script
//
// Lists are named by ?name=; the token in ?token= is checked by guard.
func (e *Engine) pages() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page/{file}", servePageFile)
	mux.HandleFunc("GET /gallery/{space}", e.serveGallery)
	mux.HandleFunc("GET /gallery/{space}/data", e.withSpace(e.serveData))
	mux.HandleFunc("GET /gallery/{space}/orders", e.withSpace(e.serveOrders))
	mux.HandleFunc("GET /gallery/{space}/order", e.withSpace(e.serveOrder))
	mux.HandleFunc("GET /gallery/{space}/picks", e.withSpace(e.servePicks))
	mux.HandleFunc("POST /gallery/{space}/picks", e.withSpace(e.changePicks))
	mux.HandleFunc("GET /gallery/{space}/sprite.png", e.withSpace(e.serveSprite))
	mux.HandleFunc("GET /gallery/{space}/{picture}", e.withSpace(e.servePicture))
	e.addVarietyPages(mux)
	return mux
}

func servePageFile(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	if ext := path.Ext(file); ext != ".css" && ext != ".js" {
		http.NotFound(w, r)
		return
	}
	pages.ServeFile(w, r, file)
}

func (e *Engine) serveGallery(w http.ResponseWriter, r *http.Request) {
	if text := r.URL.Query().Get("cap"); text != "" {
		if capacity, err := strconv.Atoi(text); err != nil || capacity < 1 || capacity > wire.MaxCap {
			refuse(w, fmt.Errorf("a cap of %.20q picks: use 1 to %d", text, wire.MaxCap))
			return
		}
	}
	e.servePage("gallery")(w, r)
}

// withSpace opens the space that the path names.
func (e *Engine) withSpace(do func(http.ResponseWriter, *http.Request, *space)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := e.openSpace(r.PathValue("space"))
		if err != nil {
			refuse(w, err)
			return
		}
		do(w, r, s)
	}
}

// refusal is the body of a failed request of a page.
type refusal struct {
	Error string     `json:"error"`
	Hint  string     `json:"hint,omitempty"`
	Picks *pagePicks `json:"picks,omitempty"` // the list as it stands
}

// refuse answers with the status that belongs to err.
func refuse(w http.ResponseWriter, err error) {
	var missing noSpaceError
	status := http.StatusBadRequest
	if errors.As(err, &missing) {
		status = http.StatusNotFound
	}
	pages.Send(w, status, refusal{Error: err.Error(), Hint: adviceOn(err)})
}

func listName(r *http.Request) string {
	if query := r.URL.Query(); query.Has("name") {
		return query.Get("name") // an empty one is refused as no name of a list
	}
	return "picks"
}

// pageData is what a gallery shows besides pictures. Seeds are strings: a
// browser's numbers do not hold 64 bits.
type pageData struct {
	Space   string   `json:"space"`
	Title   string   `json:"title"`
	Recipe  string   `json:"recipe"`
	Width   int      `json:"width"` // of one sample, pixels
	Height  int      `json:"height"`
	Samples []sample `json:"samples"`
}

type sample struct {
	Seed    string `json:"seed"`
	Address string `json:"address"`
}

func (e *Engine) serveData(w http.ResponseWriter, _ *http.Request, s *space) {
	out := s.wire()
	data := pageData{Space: s.name, Title: s.subject.Title, Recipe: out.Recipe, Samples: []sample{}}
	data.Width, data.Height = s.size()
	for i, seed := range out.Seeds {
		data.Samples = append(data.Samples, sample{Seed: strconv.FormatUint(seed, 10), Address: out.Addresses[i]})
	}
	pages.Send(w, http.StatusOK, data)
}

// maxSprite is how many samples one sheet shows: their seeds fit an address.
const maxSprite = 400

// serveSprite sends the samples of ?seeds=1,2,3 on one sheet, in that order.
func (e *Engine) serveSprite(w http.ResponseWriter, r *http.Request, s *space) {
	seeds := strings.Split(r.URL.Query().Get("seeds"), ",")
	if len(seeds) > maxSprite {
		refuse(w, fmt.Errorf("a sheet of %d samples: the most is %d", len(seeds), maxSprite))
		return
	}
	images := make([]*picture.Image, len(seeds))
	for i, text := range seeds {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			refuse(w, fmt.Errorf("%.40q is no seed", text))
			return
		}
		if images[i], err = s.store.Image(seed); err != nil {
			refuse(w, withContext("space "+s.name, err))
			return
		}
	}
	servePNG(w, pages.Sheet(images, sheetColumns))
}

func (e *Engine) servePicture(w http.ResponseWriter, r *http.Request, s *space) {
	var img *picture.Image
	var err error
	switch r.PathValue("picture") {
	case "lr.png":
		img = s.subject.lr
	case "bicubic.png":
		img, err = s.bicubic()
	case "mean.png":
		var list *wire.Picks
		if list, err = loadPicks(s.dir, s.name, listName(r)); err == nil {
			img, err = s.mean(list)
		}
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		refuse(w, err)
		return
	}
	if img == nil {
		http.NotFound(w, r)
		return
	}
	servePNG(w, img.NRGBA())
}

func servePNG(w http.ResponseWriter, img image.Image) {
	data, err := pages.PNG(img)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}

// pagePicks is a list as the page sees it.
type pagePicks struct {
	Revision int      `json:"revision"`
	Cap      int      `json:"cap"`
	By       string   `json:"by"`
	Note     string   `json:"note,omitempty"`
	Seeds    []string `json:"seeds"`
	Undoable bool     `json:"undoable"`
	Samples  int      `json:"samples"` // drawn so far
}

func (s *space) pagePicks(p *wire.Picks) *pagePicks {
	out := &pagePicks{Revision: p.Revision, Cap: p.Cap, By: p.By, Note: p.Note, Undoable: p.Undoable,
		Seeds: []string{}, Samples: s.store.Len()}
	for _, seed := range p.Seeds {
		out.Seeds = append(out.Seeds, strconv.FormatUint(seed, 10))
	}
	return out
}

func (e *Engine) servePicks(w http.ResponseWriter, r *http.Request, s *space) {
	list, err := loadPicks(s.dir, s.name, listName(r))
	if err != nil {
		refuse(w, err)
		return
	}
	pages.Send(w, http.StatusOK, s.pagePicks(list))
}

// click is one change of a list, as the page posts it.
type click struct {
	Action   string `json:"action"`         // pick, unpick, undo, clear
	Seed     string `json:"seed,omitempty"` // for pick and unpick
	Cap      int    `json:"cap,omitempty"`  // for a list that does not exist yet
	Revision int    `json:"revision"`       // for undo: the revision the person saw
}

// changePicks applies a click. The answer is sent after the change is on disk.
func (e *Engine) changePicks(w http.ResponseWriter, r *http.Request, s *space) {
	var c click
	if status, err := pages.Decode(r, &c); err != nil {
		pages.Send(w, status, refusal{Error: "click is not understood: " + err.Error()})
		return
	}
	change, err := s.change(c)
	if err != nil {
		refuse(w, err)
		return
	}
	list, err := editPicks(s.dir, s.name, listName(r), func(l *pickList) error {
		if l.Revision == 0 && c.Cap != 0 {
			if err := l.setCap(c.Cap); err != nil {
				return err
			}
		}
		return change(l)
	})
	var full fullError
	var stale staleError
	switch {
	case err == nil:
		pages.Send(w, http.StatusOK, s.pagePicks(list))
	case errors.As(err, &full), errors.As(err, &stale):
		pages.Send(w, http.StatusConflict, refusal{Error: err.Error(), Picks: s.pagePicks(list)})
	default:
		refuse(w, err)
	}
}

// change returns what a click does to a list.
func (s *space) change(c click) (func(*pickList) error, error) {
	switch c.Action {
	case "undo":
		return func(l *pickList) error { return l.undo(c.Revision) }, nil
	case "clear":
		return func(l *pickList) error { l.clear(); return nil }, nil
	case "pick", "unpick":
	default:
		return nil, fmt.Errorf("unknown action %.20q", c.Action)
	}
	seed, err := strconv.ParseUint(c.Seed, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%.40q is no seed", c.Seed)
	}
	if c.Action == "unpick" {
		return func(l *pickList) error { l.unpick(seed); return nil }, nil
	}
	address, err := s.address(seed)
	if err != nil {
		return nil, err
	}
	return func(l *pickList) error {
		return l.pick(pick{Seed: seed, Address: address, At: time.Now().UTC()}, wire.ByPerson)
	}, nil
}
