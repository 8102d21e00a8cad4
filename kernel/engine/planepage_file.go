package engine

import (
	"context"
	"fmt"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/pages"
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

// ownFile returns a page with style, script and data in it.
func ownFile(page, space, list string, data any) ([]byte, error) {
	out, err := pages.Own(page, space, list, data)
	if err != nil {
		return nil, err
	}
	if len(out) > maxPage {
		return nil, hint.With(fmt.Errorf("the page of space %s has %d MB, more than %d", space, len(out)>>20, maxPage>>20), "draw a space of fewer or smaller samples for it")
	}
	return out, nil
}
