package engine

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"rsc.io/qr"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
)

// studies are those that this process serves, by their files.
type studies struct {
	sync.Mutex
	byFile map[string]*servedStudy
}

type servedStudy struct {
	*app.RunningStudy
	listen string // as asked for
}

// studyOf returns the study that a request names.
func studyOf(req *wire.Request) (*wire.Study, error) {
	if req.Study == nil || req.Study.File == "" {
		return nil, hint.With(fmt.Errorf("no study"), "name its file, for example lab.Study(\"class.yaml\")")
	}
	return req.Study, nil
}

// startStudy serves a study from this process: it continues when the cell has
// ended, until the kernel does. Asked again with another address it moves.
func startStudy(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	asked, err := studyOf(req)
	if err != nil {
		return nil, err
	}
	e.studies.Lock()
	defer e.studies.Unlock()
	running, ok := e.studies.byFile[asked.File]
	switch {
	case !ok:
		started, err := app.StartStudy(app.StudyOptions{File: asked.File, Store: asked.Store, Listen: asked.Listen, Log: e.log})
		if err != nil {
			return nil, inCells(err)
		}
		running = &servedStudy{started, asked.Listen}
		if e.studies.byFile == nil {
			e.studies.byFile = map[string]*servedStudy{}
		}
		e.studies.byFile[asked.File] = running
	case running.listen != asked.Listen:
		if err := running.Move(asked.Listen, ""); err != nil {
			return nil, inCells(err)
		}
		running.listen = asked.Listen
	}
	return invitation(running.RunningStudy)
}

// invitation is the addresses and, for a room, a code to point telephones at.
func invitation(r *app.RunningStudy) (*wire.Result, error) {
	addresses := r.Invitation()
	table := wire.Table{Caption: fmt.Sprintf("The study runs; this cell is free. Votes are in %s.", filepath.Base(r.Store)), Head: []string{"for", "address"}}
	for _, a := range addresses.Participants {
		who := "participants in the room's network"
		if a.Local {
			who = "participants on this computer"
		}
		table.Rows = append(table.Rows, []string{who, a.URL})
	}
	table.Rows = append(table.Rows, []string{"the organiser", addresses.Organiser})
	out := &wire.Result{Tables: []wire.Table{table}}
	if addresses.Room == "" {
		return out, nil
	}
	code, err := qr.Encode(addresses.Room, qr.M)
	if err != nil {
		return nil, fmt.Errorf("draw %s as a code: %w", addresses.Room, err)
	}
	img := code.PNG()
	size, err := png.DecodeConfig(bytes.NewReader(img))
	if err != nil {
		return nil, fmt.Errorf("draw %s as a code: %w", addresses.Room, err)
	}
	out.Figure = &wire.Figure{PNG: img, Caption: addresses.Room, Width: size.Width, Height: size.Height}
	return out, nil
}

// close ends the studies; what was clicked is stored.
func (s *studies) close() {
	s.Lock()
	defer s.Unlock()
	for _, r := range s.byFile {
		r.Close()
	}
	s.byFile = nil
}

// newStudy writes a study file to start from, unless it is there, and says
// what participants will see.
func newStudy(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	asked, err := studyOf(req)
	if err != nil {
		return nil, err
	}
	text := ""
	if _, err := os.Stat(asked.File); os.IsNotExist(err) {
		var folders []string
		protocol := asked.Protocol
		for _, name := range asked.Spaces {
			s, err := e.openSpace(name)
			if err != nil {
				return nil, err
			}
			folders = append(folders, s.store.Dir())
			if protocol == "" {
				protocol = s.protocol()
			}
		}
		if err := app.NewStudy(asked.File, protocol, folders); err != nil {
			return nil, inCells(err)
		}
		text = "It is new: change its texts before people see it.\n\n"
	}
	s, err := study.Load(asked.File)
	if err != nil {
		return nil, err
	}
	shown, err := s.Shown()
	if err != nil {
		return nil, err
	}
	rules := s.ProtocolRules()
	text = fmt.Sprintf("**%s** (%s). %s%s %d to %d picks; the %d most picked are averaged; ties: %s.\n\n", s.Title, filepath.Base(asked.File), text, rules.Question, rules.MinPicks, rules.MaxPicks, rules.Combined, s.Ties)
	for _, t := range shown {
		text += fmt.Sprintf("* %s: %d samples of %s\n", t.Name, len(t.Samples), filepath.Base(t.Space.Dir()))
	}
	return &wire.Result{Markdown: []string{text}}, nil
}

// rehearse takes simulated participants through a study. Their votes go to a
// store of their own; those of an earlier rehearsal are replaced.
func rehearse(e *Engine, ctx context.Context, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	asked, err := studyOf(req)
	if err != nil {
		return nil, err
	}
	store := app.SimulatedStore(asked.File)
	for _, ending := range []string{"", "-wal", "-shm", ".lock"} {
		if err := os.Remove(store + ending); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	done, err := e.config.Tools.Models.SimulateStudy(ctx, app.SimulateStudyOptions{
		File: asked.File, People: asked.People, Behaviour: asked.Behaviour, Seed: 1,
		Progress: func(done int) {
			report(wire.Progress{Done: done, Total: asked.People, Note: "simulated participants"})
		},
	})
	if err != nil {
		return nil, inCells(err)
	}
	text := fmt.Sprintf("%d simulated participants (%s) took part; their votes are in %s, apart from people's.", asked.People, asked.Behaviour, filepath.Base(done.Store))
	return &wire.Result{Text: text}, nil
}

// studyReport writes the report of a study and shows its summary, Table 1 and
// Fig. 4.
func studyReport(e *Engine, ctx context.Context, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	asked, err := studyOf(req)
	if err != nil {
		return nil, err
	}
	var notes []string
	made, err := e.config.Tools.Models.StudyReport(ctx, app.StudyReportOptions{
		File: asked.File, Store: asked.Store,
		ReportOptions: app.ReportOptions{
			Metrics: asked.Metrics,
			Progress: func(stage string, done, total int) {
				report(wire.Progress{Done: done, Total: total, Note: stage})
			},
			Note: func(text string) { notes = append(notes, text) },
		},
	})
	if err != nil {
		return nil, inCells(err)
	}
	out := asked.Out
	if out == "" {
		out = strings.TrimSuffix(asked.File, filepath.Ext(asked.File)) + "-report"
	}
	files, err := made.Write(out)
	if err != nil {
		return nil, err
	}
	summary, err := made.Summary()
	if err != nil {
		return nil, err
	}
	result := &wire.Result{Text: "The whole report is in " + filepath.Base(out) + ", report.md."}
	if table := files["table1.md"]; table != nil {
		result.Markdown = append(result.Markdown, string(table))
	}
	result.Markdown = append(result.Markdown, summary)
	if len(notes) > 0 {
		result.Markdown = append(result.Markdown, "Note: "+strings.Join(notes, " "))
	}
	var names []string
	for name := range files {
		if strings.HasPrefix(name, "fig4") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		size, err := png.DecodeConfig(bytes.NewReader(files[name]))
		if err != nil {
			return nil, err
		}
		result.Figures = append(result.Figures, wire.Figure{PNG: files[name], Width: size.Width, Height: size.Height,
			Caption: made.Trials[i].Trial.Name + ": LR, the most picked samples with their votes, what they are combined to, one for each reading"})
	}
	return result, nil
}
