package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

// maxPage is the largest page that is written as one file: its JSON reply
// must stay below wire.MaxReply.
const maxPage = wire.MaxReply / 2

// planeHTML returns the linked plane as a file of its own.
func planeHTML(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	data, _, err := e.planeData(ctx, s, req.Picks, req.Metrics, report)
	if err != nil {
		return nil, err
	}
	picks, err := loadPicks(s.dir, s.name, req.Picks)
	if err != nil {
		return nil, err
	}
	page, err := ownFile("plane", s.name, req.Picks, struct {
		*planeData
		Picks *pagePicks `json:"picks"`
	}{data, s.pagePicks(picks)})
	return &wire.Result{Page: page}, err
}

// compareHTML returns the compare page as a file of its own.
func compareHTML(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	data, _, err := s.compareData(req.Picks)
	if err != nil {
		return nil, err
	}
	page, err := ownFile("compare", s.name, req.Picks, data)
	return &wire.Result{Page: page}, err
}

// ownFile returns a page with style, script and data in it. Its policy lets
// it load nothing and run nothing but that script.
func ownFile(page, space, list string, data any) ([]byte, error) {
	encoded, err := json.Marshal(data) // <, > and & are escaped
	if err != nil {
		return nil, err
	}
	var style, script []byte
	for _, file := range []string{"theme.css", page + ".css"} {
		part, err := pageFiles.ReadFile("page/" + file)
		if err != nil {
			return nil, err
		}
		style = append(style, part...)
	}
	for _, file := range pageScripts[page] {
		part, err := pageFiles.ReadFile("page/" + file)
		if err != nil {
			return nil, err
		}
		script = append(script, part...)
	}
	var out bytes.Buffer
	err = varietyPages.ExecuteTemplate(&out, page+".html", livePage{
		Space: space, Name: list,
		Policy: fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src '%s'", contentHash(style), contentHash(script)),
		Data:   template.JS(encoded), Style: template.CSS(style), Script: template.JS(script),
	})
	if err != nil {
		return nil, err
	}
	if out.Len() > maxPage {
		return nil, hint.With(fmt.Errorf("the page of space %s has %d MB, more than %d", space, out.Len()>>20, maxPage>>20), "draw a space of fewer or smaller samples for it")
	}
	return out.Bytes(), nil
}

// contentHash names inline content in a content security policy.
func contentHash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
