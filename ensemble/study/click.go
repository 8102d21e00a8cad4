package study

import (
	"context"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
)

// Click is what a page sends. Samples are named by their position in the
// order shown.
type Click struct {
	Op       string `json:"op"`   // agree, start, drawn, pick, unpick, none, reading, confidence, submit
	Step     int    `json:"step"` // the stage the page shows: an old page changes nothing
	Position int    `json:"position"`
	Value    string `json:"value"`
	Number   int    `json:"number"`
}

// apply does a click of a participant, or refuses it.
func (b *Session) apply(p *participant, c Click) (change, error) {
	if b.closed {
		return change{}, ErrClosed
	}
	if c.Step != p.stage {
		return change{}, ErrNotNow
	}
	p.seen = b.now()
	all := b.study.All()
	advance := func(op string) (change, error) {
		if c.Op != op {
			return change{}, ErrValue
		}
		p.stage++
		return change{participant: p, trials: b.begin(p), click: c}, nil
	}
	switch {
	case p.stage == 0:
		return advance("agree")
	case p.stage == 1:
		return advance("start")
	case p.stage-2 >= len(all):
		return change{}, ErrNotNow
	}
	trial := all[p.stage-2].Name
	a := p.answers[trial]
	done := change{participant: p, trials: []string{trial}, click: c}
	rules := &b.study.rules
	if c.Op == "drawn" {
		if !a.began.IsZero() {
			return change{}, nil // it was so before
		}
		if a.sheets == 0 || len(a.delivered) < a.sheets {
			return change{}, ErrUnseen
		}
		a.began = b.at(p)
		return done, nil
	}
	if a.began.IsZero() {
		return change{}, ErrUnseen
	}
	switch c.Op {
	case "pick", "unpick":
		if c.Position < 0 || c.Position >= len(a.shown) {
			return change{}, ErrValue
		}
		sample := a.shown[c.Position]
		at := slices.Index(a.picks, sample)
		switch {
		case c.Op == "pick" && at >= 0, c.Op == "unpick" && at < 0:
			return change{}, nil // it is so already
		case c.Op == "unpick":
			a.picks = slices.Delete(slices.Clone(a.picks), at, at+1)
		case len(a.picks) >= rules.MaxPicks:
			return change{}, ErrCap
		default:
			a.picks, a.none = append(slices.Clone(a.picks), sample), false
		}
	case "none":
		if !rules.AllowNone {
			return change{}, ErrValue
		}
		if a.none = c.Number != 0; a.none {
			a.picks = nil
		}
	case "reading":
		next := *a
		next.reading = strings.TrimSpace(c.Value)
		if rules.Reading == ensemble.NoReading || !b.fits(p, trial, next) {
			return change{}, ErrValue
		}
		a.reading = next.reading
	case "confidence":
		if c.Number < 0 || c.Number > rules.Confidence {
			return change{}, ErrValue
		}
		a.confidence = c.Number
	case "submit":
		ballot := a.ballot(p, trial)
		if ballot.Cast = b.at(p); ballot.Cast.Before(a.began) {
			ballot.Cast = a.began // the clock of this machine was set back
		}
		if err := rules.Validate(&ballot); err != nil {
			return change{}, ErrNotReady
		}
		a.finished = ballot.Cast
		p.stage++
		done.trials = append(done.trials, b.begin(p)...)
	default:
		return change{}, ErrValue
	}
	return done, nil
}

// Delivered stores that a sheet of pictures, one of so many, of the trial at a
// stage was sent to a participant. There is nothing to choose from before all
// are.
func (b *Session) Delivered(ctx context.Context, secret string, stage, sheet, of int) error {
	return b.ask(ctx, func(b *Session) (change, error) {
		p := b.byKey[hashKey(secret)]
		switch {
		case p == nil:
			return change{}, ErrUnknown
		case p.stage != stage || b.closed:
			return change{}, ErrNotNow
		}
		a := p.answers[b.study.All()[stage-2].Name]
		if a.delivered[sheet] {
			return change{}, nil
		}
		if a.delivered == nil {
			a.delivered = map[int]bool{}
		}
		a.delivered[sheet], a.sheets = true, of
		return change{participant: p, click: Click{Op: opSheet, Step: stage, Position: sheet, Number: of}}, nil
	})
}

// opSheet is what the server logs among the clicks of a sheet that it sent.
const opSheet = "sheet"

// fits reports whether a reading alone breaks no rule.
func (b *Session) fits(p *participant, trial string, a answer) bool {
	free := b.study.rules
	free.MinPicks, free.ReadingOptional = 0, true
	a.picks, a.none = nil, false
	ballot := a.ballot(p, trial)
	return free.Validate(&ballot) == nil
}

// begin makes the answer of the trial that a participant has come to and
// returns that trial; none after the last.
func (b *Session) begin(p *participant) []string {
	all := b.study.All()
	i := p.stage - 2
	if i < 0 || i >= len(all) {
		return nil
	}
	name := all[i].Name
	if p.answers[name] == nil {
		p.answers[name] = &answer{shown: ensemble.Order(b.study.Seed, p.name(), name, b.samples[name])}
	}
	return []string{name}
}
