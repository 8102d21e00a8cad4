package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
)

// scoreTable is the command's score: a table of methods by metrics, or each pair
// under the conventions of all toolkits.
func scoreTable(_ *Engine, ctx context.Context, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	asked := req.Score
	if asked == nil || len(asked.SR) == 0 {
		return nil, hint.With(fmt.Errorf("nothing to score"), "name folders or files: lab.Score(\"RCAN\", \"SAN\").HR(\"HR\").Table()")
	}
	o := app.ScoreOptions{SR: asked.SR, HR: asked.HR, LR: asked.LR, HRName: asked.HRName, LRName: asked.LRName,
		SRName: asked.SRName, Metrics: asked.Metrics, Scale: asked.Scale,
		Progress: func(done, total int) { report(wire.Progress{Done: done, Total: total, Note: "scoring"}) }}
	if asked.Explain {
		return explain(ctx, o)
	}
	scored, err := app.Score(ctx, o)
	if scored == nil {
		return nil, scoreWords(err)
	}
	notes := markdownNotes(&scored.Notes)
	if err != nil {
		return nil, hint.With(err, strings.TrimSpace(notes))
	}
	out := &wire.Result{Markdown: []string{scored.Table.Markdown()}}
	if notes != "" {
		out.Markdown = append(out.Markdown, notes)
	}
	return out, nil
}

// markdownNotes says what is not plain about the files, and what has no score.
func markdownNotes(notes *app.ScoreNotes) string {
	text := ""
	for _, line := range notes.Files {
		text += "* " + line + "\n"
	}
	notes.Advise(adviceOn)
	for _, note := range notes.Short() {
		text += fmt.Sprintf("* %s: %s", note.Metric, note.Reason)
		if note.Hint != "" {
			text += " (" + note.Hint + ")"
		}
		text += "\n"
	}
	return text
}

func explain(ctx context.Context, o app.ScoreOptions) (*wire.Result, error) {
	out := &wire.Result{}
	_, err := app.Explain(ctx, o, func(pair app.Explained) error {
		var text strings.Builder
		fmt.Fprintf(&text, "**%s against %s**, %d×%d\n\n| preset | score | unit | convention | there |\n|---|--:|---|---|---|\n", filepath.Base(pair.SR), filepath.Base(pair.HR), pair.Width, pair.Height)
		var missing []string
		for _, r := range pair.Rows {
			if r.Err != nil {
				missing = append(missing, r.Preset+": "+r.Err.Error())
				continue
			}
			fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", r.Preset, metrics.FormatScore(r.Score.Value, r.Score.Passport), r.Score.Passport.Unit, r.Score.Passport.ID, r.Call)
		}
		if len(missing) > 0 {
			fmt.Fprintf(&text, "\n%d more have no score here:\n\n* %s\n", len(missing), strings.Join(missing, "\n* "))
		}
		out.Markdown = append(out.Markdown, text.String())
		return nil
	})
	if err != nil {
		return nil, scoreWords(err)
	}
	return out, nil
}

// scoreWords puts errors about scores in the words of a notebook cell.
func scoreWords(err error) error {
	var (
		reference *app.NoReferenceFilesError
		names     *app.NamesError
		factor    *app.FactorError
	)
	switch {
	case errors.As(err, &reference):
		return hint.With(err, fmt.Sprintf("name them with .%s(folder), or choose other metrics", reference.Reference))
	case errors.As(err, &names):
		return hint.With(err, hint.Of(err)+" (patterns: .Names, and the second argument of .HR and .LR)")
	case errors.As(err, &factor):
		return hint.With(err, fmt.Sprintf("name the LR images of this factor, or say .Scale(%d)", factor.Factor))
	}
	return err
}
