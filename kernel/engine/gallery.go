package engine

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"image"
	"net/http"
	"strconv"
	"time"

	"github.com/trustsr/trustsr/kernel/engine/wire"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
)

//go:embed page
var pageFiles embed.FS

var galleryPage = template.Must(template.ParseFS(pageFiles, "page/gallery.html"))

// pages returns the handler of everything the browser sees:
//
//	GET  /gallery/{space}            the page
//	GET  /gallery/{space}/data       what it shows
//	GET  /gallery/{space}/{picture}  sprite.png, lr.png, bicubic.png, mean.png
//	GET  /gallery/{space}/readings   what the digit reader reads
//	GET  /gallery/{space}/picks      the list of picks
//	POST /gallery/{space}/picks      one change of it
//	GET  /page/{file}                style and script
//
// Lists are named by ?name=; the token in ?token= is checked by guard.
func (e *Engine) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page/{file}", servePageFile)
	mux.HandleFunc("GET /gallery/{space}", e.serveGallery)
	mux.HandleFunc("GET /gallery/{space}/data", e.withSpace(e.serveData))
	mux.HandleFunc("GET /gallery/{space}/readings", e.withSpace(e.serveReadings))
	mux.HandleFunc("GET /gallery/{space}/picks", e.withSpace(e.servePicks))
	mux.HandleFunc("POST /gallery/{space}/picks", e.withSpace(e.changePicks))
	mux.HandleFunc("GET /gallery/{space}/sprite.png", e.withSpace(e.serveSprite))
	mux.HandleFunc("GET /gallery/{space}/{picture}", e.withSpace(e.servePicture))
	e.addVarietyPages(mux)
	return mux
}

func servePageFile(w http.ResponseWriter, r *http.Request) {
	switch file := r.PathValue("file"); file {
	case "gallery.css", "gallery.js":
		http.ServeFileFS(w, r, pageFiles, "page/"+file)
	default:
		http.NotFound(w, r)
	}
}

func (e *Engine) serveGallery(w http.ResponseWriter, r *http.Request) {
	space, name := r.PathValue("space"), listName(r)
	if err := errors.Join(checkSpaceName(space), checkListName(name)); err != nil {
		refuse(w, err)
		return
	}
	capacity := defaultCap
	if text := r.URL.Query().Get("cap"); text != "" {
		var err error
		if capacity, err = strconv.Atoi(text); err != nil || capacity < 1 || capacity > wire.MaxCap {
			refuse(w, fmt.Errorf("a cap of %.20q picks: use 1 to %d", text, wire.MaxCap))
			return
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := galleryPage.Execute(w, map[string]any{
		"Space": space, "Name": name, "Cap": capacity, "Token": r.URL.Query().Get("token"),
	})
	if err != nil {
		e.log.Printf("gallery: %v", err)
	}
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
	answer(w, status, refusal{Error: err.Error(), Hint: srspace.Hint(err)})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func listName(r *http.Request) string {
	if name := r.URL.Query().Get("name"); name != "" {
		return name
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
	Columns int      `json:"columns"` // of the sprite sheet
	Samples []sample `json:"samples"`
}

type sample struct {
	Seed    string `json:"seed"`
	Address string `json:"address"`
}

func (e *Engine) serveData(w http.ResponseWriter, _ *http.Request, s *space) {
	out := s.wire()
	scale := s.scale()
	data := pageData{Space: s.name, Title: s.subject.Title, Recipe: out.Recipe, Columns: sheetColumns,
		Width: s.subject.lr.Width * scale, Height: s.subject.lr.Height * scale, Samples: []sample{}}
	for i, seed := range out.Seeds {
		data.Samples = append(data.Samples, sample{Seed: strconv.FormatUint(seed, 10), Address: out.Addresses[i]})
	}
	answer(w, http.StatusOK, data)
}

// serveSprite sends the first ?n= samples on one sheet, so that the sheet
// fits the data the page holds while more samples are drawn.
func (e *Engine) serveSprite(w http.ResponseWriter, r *http.Request, s *space) {
	_, images, err := s.images()
	if err != nil {
		refuse(w, err)
		return
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 && n < len(images) {
		images = images[:n]
	}
	servePNG(w, spriteSheet(images))
}

func (e *Engine) servePicture(w http.ResponseWriter, r *http.Request, s *space) {
	var img *srspace.Image
	var err error
	switch r.PathValue("picture") {
	case "lr.png":
		img = s.subject.lr
	case "bicubic.png":
		img, err = imresize.Upscale(s.subject.lr, s.scale())
	case "mean.png":
		var list *wire.Picks
		if list, err = editPicks(s.dir, s.name, listName(r), keepPicks); err == nil {
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
	servePNG(w, img.NRGBA())
}

func servePNG(w http.ResponseWriter, img image.Image) {
	data, err := encodePNG(img)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}

func (e *Engine) serveReadings(w http.ResponseWriter, r *http.Request, s *space) {
	readings, err := e.readings(r.Context(), s, func(wire.Progress) {})
	if err != nil {
		refuse(w, err)
		return
	}
	type reading struct {
		Digit       int     `json:"digit"`
		Probability float64 `json:"probability"`
	}
	out := map[string]reading{}
	for _, one := range readings.Samples {
		out[strconv.FormatUint(one.Seed, 10)] = reading{one.Digit, one.Probability}
	}
	answer(w, http.StatusOK, map[string]any{"readings": out, "counts": readings.Counts})
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

func keepPicks(*pickList) error { return nil }

func (e *Engine) servePicks(w http.ResponseWriter, r *http.Request, s *space) {
	list, err := editPicks(s.dir, s.name, listName(r), keepPicks)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, s.pagePicks(list))
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
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		refuse(w, fmt.Errorf("click is not understood: %w", err))
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
		answer(w, http.StatusOK, s.pagePicks(list))
	case errors.As(err, &full), errors.As(err, &stale):
		answer(w, http.StatusConflict, refusal{Error: err.Error(), Picks: s.pagePicks(list)})
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
