package engine

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

type operation func(*Engine, context.Context, *wire.Request, func(wire.Progress)) (*wire.Result, error)

// operations is what a cell can ask for.
var operations map[string]operation

func init() {
	operations = map[string]operation{
		wire.OpStatus: func(e *Engine, _ context.Context, _ *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			return &wire.Result{Status: e.status()}, nil
		},
		wire.OpSubject: func(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			s, err := e.subject(req.Source)
			if err != nil {
				return nil, err
			}
			out, err := s.wire()
			return &wire.Result{Subject: out}, err
		},
		wire.OpDraw: func(e *Engine, ctx context.Context, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
			out, err := e.draw(ctx, req.Source, req.Draw, report)
			return &wire.Result{Space: out}, err
		},
		wire.OpSpace: onSpace(func(_ context.Context, _ *Engine, s *space, _ *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			return &wire.Result{Space: s.wire()}, nil
		}),
		wire.OpReadings: onSpace(func(ctx context.Context, e *Engine, s *space, _ *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
			out, err := e.readings(ctx, s, report)
			return &wire.Result{Readings: out}, err
		}),
		wire.OpPicks:    onSpace(openPicks),
		wire.OpSetPicks: onSpace(setPicks),
		wire.OpClear: onSpace(func(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error { l.clear(); return nil })
			return &wire.Result{Picks: out}, err
		}),
		wire.OpStandIn: onSpace(fillPicks),
		wire.OpShow: func(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			s, err := e.subject(req.Source)
			if err != nil {
				return nil, err
			}
			out, err := e.showFigure(s)
			return &wire.Result{Figure: out}, err
		},
		wire.OpWall:    figure((*Engine).wallFigure),
		wire.OpMean:    figure((*Engine).meanFigure),
		wire.OpCompare: figure((*Engine).compareFigure),
		wire.OpPlane:   figure((*Engine).planeFigure),

		wire.OpDisagreement: onVaried((*varied).disagreement),
		wire.OpDirections:   onVaried((*varied).directions),
		wire.OpClusters:     onVaried((*varied).clusters),
		wire.OpDiverse:      onVaried((*varied).diverse),

		wire.OpLinkedPlane: onSpace(linkedPlane),
		wire.OpPlaneHTML:   onSpace(planeHTML),
		wire.OpPlaneSVG:    onSpace(planeSVG),
		wire.OpSlider:      onSpace(slider),
		wire.OpCompareHTML: onSpace(compareHTML),
		wire.OpAddMethod:   onSpace(addMethod),

		wire.OpSimulate: onSpace(func(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
			return simulate(ctx, e, s, req, report)
		}),
		wire.OpStudy:       startStudy,
		wire.OpNewStudy:    newStudy,
		wire.OpRehearse:    rehearse,
		wire.OpStudyReport: studyReport,
		wire.OpStudyPicks:  onSpace(studyPicks),
		wire.OpSave:        onSpace(saveRows),
		wire.OpScore:       scoreTable,
		wire.OpFolder: func(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
			out, err := e.folder(req.Folder)
			return &wire.Result{Space: out}, err
		},
	}
}

// onSpace opens the space that the request names.
func onSpace(do func(context.Context, *Engine, *space, *wire.Request, func(wire.Progress)) (*wire.Result, error)) operation {
	return func(e *Engine, ctx context.Context, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
		s, err := e.openSpace(req.Space)
		if err != nil {
			return nil, err
		}
		return do(ctx, e, s, req, report)
	}
}

// figure draws a picture of a space.
func figure(draw func(*Engine, context.Context, *space, string, func(wire.Progress)) (*wire.Figure, error)) operation {
	return onSpace(func(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
		out, err := draw(e, ctx, s, req.Picks, report)
		return &wire.Result{Figure: out}, err
	})
}

func (e *Engine) status() *wire.Status {
	out := &wire.Status{Process: os.Getpid(), Spaces: e.spaceNames(), State: e.config.State}
	model, err := e.config.Tools.Models.Ready()
	if err != nil {
		out.Problem = err.Error()
	}
	if model != nil {
		r := model.Recipe()
		out.Loaded, out.Model, out.Weights, out.Backend = true, r.Model, r.Weights, r.Backend
	}
	return out
}

// openPicks returns a list; a cap above zero becomes the list's cap.
func openPicks(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error {
		if req.Cap == 0 {
			return nil
		}
		return l.setCap(req.Cap)
	})
	return &wire.Result{Picks: out}, err
}

// setPicks replaces a list by the request's seeds.
func setPicks(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	picks, err := s.picksOf(req.Seeds)
	if err != nil {
		return nil, err
	}
	out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error {
		if len(picks) > l.Cap {
			return hint.With(fmt.Errorf("%d picks for list %q, which holds %d", len(picks), l.Name, l.Cap),
				"set fewer, or open the gallery with a higher cap")
		}
		l.replace(wire.ByNotebook, picks)
		return nil
	})
	return &wire.Result{Picks: out}, err
}

// fillPicks lets the digit reader pick when nobody has picked.
func fillPicks(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	readings, err := e.readings(ctx, s, report)
	if err != nil {
		return nil, err
	}
	out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error {
		if len(l.Picks) > 0 {
			return nil
		}
		if req.Cap > 0 {
			if err := l.setCap(req.Cap); err != nil {
				return err
			}
		}
		seeds, err := standIn(readings, req.Digit, l.Cap)
		if err != nil {
			return err
		}
		picks, err := s.picksOf(seeds)
		if err != nil {
			return err
		}
		l.replace(wire.ByStandIn, picks)
		return nil
	})
	return &wire.Result{Picks: out}, err
}

// picksOf returns picks of these seeds, which must be different samples of
// the space.
func (s *space) picksOf(seeds []uint64) ([]pick, error) {
	picks := make([]pick, 0, len(seeds))
	seen := map[uint64]bool{}
	now := time.Now().UTC()
	for _, seed := range seeds {
		if seen[seed] {
			return nil, fmt.Errorf("seed %d is picked twice", seed)
		}
		seen[seed] = true
		address, err := s.address(seed)
		if err != nil {
			return nil, err
		}
		picks = append(picks, pick{Seed: seed, Address: address, At: now})
	}
	return picks, nil
}
