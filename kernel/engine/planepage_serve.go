package engine

import (
	"context"
	"errors"
	"net/http"

	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// addVarietyPages adds the linked plane and the compare page:
//
//	GET /plane/{space}         the page
//	GET /plane/{space}/data    what it shows; ?metric= names further axes
//	GET /plane/{space}/star    the ensemble of the picks as they are now
//	GET /compare/{space}       the page
//	GET /compare/{space}/data  what it shows
//
// Picks go to the gallery's address: a pick here is a pick there.
func (e *Engine) addVarietyPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /plane/{space}", e.servePage("plane"))
	mux.HandleFunc("GET /compare/{space}", e.servePage("compare"))
	mux.HandleFunc("GET /plane/{space}/data", e.withSpace(e.servePlaneData))
	mux.HandleFunc("GET /plane/{space}/star", e.withSpace(e.serveStar))
	mux.HandleFunc("GET /compare/{space}/data", e.withSpace(e.serveCompareData))
}

// servePage serves the page of a space.
func (e *Engine) servePage(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		space, name := r.PathValue("space"), listName(r)
		if err := errors.Join(checkSpaceName(space), checkListName(name)); err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		p := pages.Page{Space: space, Name: name, Token: r.URL.Query().Get("token"), Query: r.URL.RawQuery}
		if err := pages.Write(w, page, p); err != nil {
			e.log.Printf("%s: %v", page, err)
		}
	}
}

func (e *Engine) servePlaneData(w http.ResponseWriter, r *http.Request, s *space) {
	data, _, err := e.planeData(r.Context(), s, listName(r), r.URL.Query()["metric"], func(wire.Progress) {})
	if err != nil {
		refuse(w, err)
		return
	}
	pages.Send(w, http.StatusOK, data)
}

// star is the ensemble of the picks: what moves on the plane when one picks.
type star struct {
	Revision int         `json:"revision"` // of the list
	Point    *planePoint `json:"point"`    // null for no picks; its tile is not on the sheet
	Picture  sheetData   `json:"picture"`
}

// starOf averages the picks and scores the average.
func (e *Engine) starOf(ctx context.Context, s *space, list string, ids []string) (*star, error) {
	picks, err := loadPicks(s.dir, s.name, list)
	if err != nil {
		return nil, err
	}
	out := &star{Revision: picks.Revision}
	if len(picks.Seeds) == 0 {
		return out, nil
	}
	mean, err := s.mean(picks)
	if err != nil {
		return nil, err
	}
	silent := func(wire.Progress) {}
	measures, err := e.measures(ctx, s, ids, silent)
	if err != nil {
		return nil, err
	}
	out.Point = &planePoint{Kind: "ensemble", Label: meanName(picks), Seeds: seedStrings(picks.Seeds), List: list}
	for _, m := range measures {
		scores, err := m.score(ctx, []*picture.Image{mean}, silent)
		if err != nil {
			return nil, withContext(m.axis.ID, err)
		}
		out.Point.Scores = append(out.Point.Scores, score(scores[0]))
	}
	out.Picture, err = sheetOf([]*picture.Image{mean})
	return out, err
}

func (e *Engine) serveStar(w http.ResponseWriter, r *http.Request, s *space) {
	out, err := e.starOf(r.Context(), s, listName(r), r.URL.Query()["metric"])
	if err != nil {
		refuse(w, err)
		return
	}
	pages.Send(w, http.StatusOK, out)
}

func (e *Engine) serveCompareData(w http.ResponseWriter, r *http.Request, s *space) {
	data, _, err := s.compareData(listName(r))
	if err != nil {
		refuse(w, err)
		return
	}
	pages.Send(w, http.StatusOK, data)
}
