package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// simulate lets simulated participants choose from a space and shows what
// comes of it: what they read, the most picked samples with their mean and the
// mean of each rival reading, and where that stands among random ensembles.
// It is the command's "tally --simulate" with seed 1.
func simulate(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	var notes []string
	out, err := e.config.Tools.Models.Tally(ctx, app.TallyOptions{
		Space: s.store.Dir(), Protocol: s.protocol(), Trial: s.name, Simulate: req.People, Behaviour: req.Behaviour,
		Truth: func([]string) (map[string]*picture.Image, error) {
			return map[string]*picture.Image{s.name: s.subject.hr}, nil
		},
		ReportOptions: app.ReportOptions{
			Progress: func(stage string, done, total int) {
				report(wire.Progress{Done: done, Total: total, Note: stage})
			},
			Note: func(text string) { notes = append(notes, text) },
		},
	})
	if err != nil {
		return nil, inCells(err)
	}
	made := out.Trials[0]
	img, err := app.Figure4(made.Report, made.Trial)
	if err != nil {
		return nil, err
	}
	caption := fmt.Sprintf("%s: %d simulated participants (%s), the samples most picked, their mean, one mean for each reading", s.subject.Title, req.People, req.Behaviour)
	if w := append(made.Warnings(), notes...); len(w) > 0 {
		caption += "; " + strings.Join(w, " ")
	}
	file, err := app.FigureFile(img, made.Note())
	if err != nil {
		return nil, err
	}
	size := img.Bounds().Size()
	figure := &wire.Figure{PNG: file, Caption: caption, Width: size.X, Height: size.Y}
	return &wire.Result{Figure: figure, Markdown: peopleMarkdown(made.Report)}, nil
}

// protocol is the paper's task for the space: reading digits, or judging
// natural pictures.
func (s *space) protocol() string {
	if w, h := s.size(); w == 28 && h == 28 {
		return "task1"
	}
	return "task2"
}

// peopleMarkdown is Table 1 of the paper, with intervals, and what the choice
// added to choosing at random: parts of the report, as they stand there.
func peopleMarkdown(r *ensemble.Report) (texts []string) {
	if len(r.All.Readings) > 0 {
		texts = append(texts, "**What people read (Table 1)**\n\n"+ensemble.Table1Markdown(r.All.Readings))
	}
	if c := r.All.Controls; c != nil {
		texts = append(texts, c.Markdown("**Controls:**"))
	}
	if note := r.Note(); note != "" {
		for i := range texts {
			texts[i] = "**" + note + "**\n\n" + texts[i]
		}
	}
	return texts
}
