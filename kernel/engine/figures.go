package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

// showFigure draws the LR picture and its bicubic enlargement: all that one
// has before anything is drawn. The truth is not shown.
func (e *Engine) showFigure(s *subject) (*wire.Figure, error) {
	scale := usualScale
	big, err := imresize.Upscale(s.lr, scale)
	if err != nil {
		return nil, err
	}
	size := fmt.Sprintf("%d×%d", s.lr.Width, s.lr.Height)
	return rowPicture([]named{{s.lr, "LR, " + size}, {big, fmt.Sprintf("bicubic ×%d", scale)}},
		fmt.Sprintf("%s: all that is known are %s pixels", s.Title, size))
}

// wallFigure draws all samples; those picked in list, if it is named, are
// framed.
func (e *Engine) wallFigure(_ context.Context, s *space, list string, _ func(wire.Progress)) (*wire.Figure, error) {
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, s.empty()
	}
	caption := fmt.Sprintf("%s: %d samples of its SR space", s.subject.Title, len(images))
	var framed []int
	if list != "" {
		picks, err := loadPicks(s.dir, s.name, list)
		if err != nil {
			return nil, err
		}
		framed = positions(seeds, picks.Seeds)
		caption += "; " + picksCaption(picks)
	}
	return wallPicture(images, framed, caption)
}

// positions returns where the picks stand among all seeds.
func positions(seeds, picks []uint64) []int {
	at := make(map[uint64]int, len(seeds))
	for i, seed := range seeds {
		at[seed] = i
	}
	var out []int
	for _, seed := range picks {
		if i, ok := at[seed]; ok {
			out = append(out, i)
		}
	}
	return out
}

// picksCaption says how many picks a list holds and who made them.
func picksCaption(p *wire.Picks) string {
	text := fmt.Sprintf("%d of %d picks in list %q", len(p.Seeds), p.Cap, p.Name)
	switch p.By {
	case wire.ByStandIn:
		text += ", " + standInNote
	case wire.ByNotebook:
		text += ", set by a notebook cell"
	case wire.ByStudy:
		text += ", " + p.Note
	}
	return text
}

// mean returns the pixel average of the picks.
func (s *space) mean(list *wire.Picks) (*picture.Image, error) {
	if len(list.Seeds) == 0 {
		return nil, hint.With(fmt.Errorf("list %q of %s holds no picks", list.Name, s.name),
			"click some samples in the gallery, or let the stand-in pick: space.StandIn(\"five\", 5, digit)")
	}
	images := make([]*picture.Image, len(list.Seeds))
	for i, seed := range list.Seeds {
		var err error
		if images[i], err = s.store.Image(seed); err != nil {
			return nil, withContext("space "+s.name, err)
		}
	}
	return ensemble.Mean(images)
}

func (e *Engine) meanFigure(_ context.Context, s *space, list string, _ func(wire.Progress)) (*wire.Figure, error) {
	picks, err := loadPicks(s.dir, s.name, list)
	if err != nil {
		return nil, err
	}
	mean, err := s.mean(picks)
	if err != nil {
		return nil, err
	}
	return rowPicture([]named{{mean, meanName(picks)}},
		fmt.Sprintf("%s: pixel average of %s", s.subject.Title, picksCaption(picks)))
}

// meanName is the caption of a mean where little room is.
func meanName(p *wire.Picks) string {
	if p.By == wire.ByStandIn {
		return fmt.Sprintf("mean of %d (stand-in)", len(p.Seeds))
	}
	if p.By == wire.ByStudy {
		return fmt.Sprintf("mean of %d (study)", len(p.Seeds))
	}
	if len(p.Seeds) == 1 {
		return "mean of 1 pick"
	}
	return fmt.Sprintf("mean of %d picks", len(p.Seeds))
}

// contenders are the pictures that a space offers as its one image.
type contenders struct {
	bicubic, random, mean *picture.Image
	randomSeed            uint64
	picks                 *wire.Picks
}

// contenders returns them. The random sample is the first one drawn: nobody
// chose it. The mean is nil when the list is not named or holds no picks.
func (s *space) contenders(list string) (*contenders, error) {
	seeds := s.store.Seeds()
	if len(seeds) == 0 {
		return nil, s.empty()
	}
	c := &contenders{randomSeed: seeds[0]}
	var err error
	if c.bicubic, err = s.bicubic(); err != nil {
		return nil, err
	}
	if c.random, err = s.store.Image(seeds[0]); err != nil {
		return nil, withContext("space "+s.name, err)
	}
	if list == "" {
		return c, nil
	}
	if c.picks, err = loadPicks(s.dir, s.name, list); err != nil {
		return nil, err
	}
	if len(c.picks.Seeds) > 0 {
		c.mean, err = s.mean(c.picks)
	}
	return c, err
}

// compareFigure draws LR, bicubic, other methods, a random sample, the mean of
// the picks and, where it is known, the truth: the paper's Fig. 5, with fidelity
// and perception below each picture that has a truth to be measured against.
func (e *Engine) compareFigure(ctx context.Context, s *space, list string, report func(wire.Progress)) (*wire.Figure, error) {
	c, err := s.contenders(list)
	if err != nil {
		return nil, err
	}
	row, err := s.methods() // bicubic first
	if err != nil {
		return nil, err
	}
	row = append(row, named{c.random, fmt.Sprintf("random sample (%d)", c.randomSeed)})
	caption := s.subject.Title
	if c.mean != nil {
		row = append(row, named{c.mean, meanName(c.picks)})
	}
	if c.picks != nil {
		caption += "; " + picksCaption(c.picks)
	}
	if s.subject.hr != nil {
		ids, err := e.writeScores(ctx, s.subject.hr, row, report)
		if err != nil {
			return nil, err
		}
		caption += "; below each " + ids
		row = append(row, named{s.subject.hr, "HR (truth)"})
	}
	if s.subject.lr != nil {
		row = append([]named{{s.subject.lr, "LR"}}, row...)
	}
	return rowPicture(row, caption)
}

// writeScores writes fidelity and perception against hr below pictures and
// returns the ids of the two metrics.
func (e *Engine) writeScores(ctx context.Context, hr *picture.Image, row []named, report func(wire.Progress)) (ids string, err error) {
	images := make([]*picture.Image, len(row))
	for i, n := range row {
		images[i] = n.image
	}
	fidelity, err := metrics.ScoreAll(ctx, metrics.PSNRMetric{}, images, hr)
	if err != nil {
		return "", err
	}
	perception, info, err := e.perception(ctx, hr, images, report)
	if err != nil {
		return "", err
	}
	psnr := metrics.PSNRMetric{}.Info()
	short, _, _ := strings.Cut(info.Name, " ") // the caption has the whole
	for i := range row {
		row[i].caption += fmt.Sprintf("\n%s dB\n%s %s", metrics.FormatScore(fidelity[i], psnr), short, metrics.FormatScore(perception[i], info))
	}
	return fmt.Sprintf("%s (%s) and %s (%s)", psnr.Label(), psnr.ID, info.Label(), info.ID), nil
}

// planeFigure draws fidelity against perception, for all samples and for the
// contenders.
func (e *Engine) planeFigure(ctx context.Context, s *space, list string, report func(wire.Progress)) (*wire.Figure, error) {
	hr := s.subject.hr
	if hr == nil {
		return nil, hint.With(fmt.Errorf("%s has no HR image to score against", s.subject.Title),
			"the plane needs the truth: name it with .HR(\"hr.png\"), or use a test digit, lab.Digit(497)")
	}
	_, images, err := s.images()
	if err != nil {
		return nil, err
	}
	c, err := s.contenders(list)
	if err != nil {
		return nil, err
	}
	type extra struct {
		image *picture.Image
		label string
		kind  plane.Kind
	}
	extras := []extra{{c.bicubic, "bicubic", plane.Method}, {c.random, "one random sample", plane.Single}}
	if c.mean != nil {
		extras = append(extras, extra{c.mean, meanName(c.picks), plane.Ensemble})
	}
	extras = slices.DeleteFunc(extras, func(x extra) bool { return x.image == nil })
	scored := slices.Clip(images)
	for _, x := range extras {
		scored = append(scored, x.image)
	}
	fidelity, err := metrics.ScoreAll(ctx, metrics.PSNRMetric{}, scored, hr)
	if err != nil {
		return nil, err
	}
	perception, info, err := e.perception(ctx, hr, scored, report)
	if err != nil {
		return nil, err
	}
	points := make([]plane.Point, len(scored))
	for i := range scored {
		points[i] = plane.Point{X: fidelity[i], Y: perception[i], Kind: plane.Sample}
	}
	n := len(images)
	for i, x := range extras {
		points[n+i].Label, points[n+i].Kind = x.label, x.kind
	}
	psnr := metrics.PSNRMetric{}.Info()
	caption := fmt.Sprintf("%s: %d samples, %s and %s", s.subject.Title, n, psnr.ID, info.ID)
	if c.picks != nil {
		caption += "; " + picksCaption(c.picks)
	}
	return planePicture(plane.New(s.subject.Title, psnr.Label(), info.Label(), points), caption)
}

func (s *space) empty() error {
	return hint.With(fmt.Errorf("space %s holds no samples yet", s.name), "draw some, for example lab.Digit(497).Draw(324)")
}
