package engine

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
)

// studyPicks makes what the voters of a study chose a pick list of the space:
// the samples that the study's report averages, by its protocol and tie rule.
func studyPicks(ctx context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	asked, err := studyOf(req)
	if err != nil {
		return nil, err
	}
	chosen, err := app.ChosenOf(ctx, asked.File, asked.Store, s.store.Dir())
	if err != nil {
		return nil, inCells(err)
	}
	picks, err := s.picksOf(chosen.Seeds)
	if err != nil {
		return nil, err
	}
	if len(picks) > wire.MaxCap {
		return nil, hint.With(fmt.Errorf("%d samples tie for the %d places of trial %q", len(picks), chosen.Places, chosen.Trial),
			fmt.Sprintf("a list holds %d picks; choose another rule with ties: in %s", wire.MaxCap, filepath.Base(asked.File)))
	}
	voters := "participants"
	if chosen.Simulated {
		voters = "simulated participants"
	}
	note := fmt.Sprintf("most picked by %d %s of %s, trial %s", chosen.Ballots, voters, filepath.Base(asked.File), chosen.Trial)
	out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error {
		if len(picks) > l.Cap {
			l.Cap = len(picks)
		}
		l.replace(wire.ByStudy, picks)
		l.Note = note
		return nil
	})
	return &wire.Result{Picks: out}, err
}
