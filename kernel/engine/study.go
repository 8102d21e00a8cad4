package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"rsc.io/qr"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/kernel/pages/studyserver"
	"github.com/trustsr/trustsr/kernel/wire"
)

// studies are those that this process serves, by their files.
type studies struct {
	sync.Mutex
	byFile map[string]*runningStudy
}

// runningStudy is a study that this process serves.
type runningStudy struct {
	study  *studyserver.Server
	votes  string // file
	listen string // as asked for
	door   *studyserver.Door
	server *http.Server
}

// startStudy serves a study from this process: it goes on when the cell has
// ended, until the kernel does. Asked again with another address it moves.
func startStudy(e *Engine, _ context.Context, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	file, err := filepath.Abs(req.Study)
	if err != nil {
		return nil, err
	}
	listen := req.Listen
	if listen == "" {
		listen = "127.0.0.1"
	}
	e.studies.Lock()
	defer e.studies.Unlock()
	running, ok := e.studies.byFile[file]
	if !ok {
		described, err := study.Load(file)
		if err != nil {
			return nil, err
		}
		running = &runningStudy{votes: votesOf(file)}
		if running.study, err = studyserver.Open(described, running.votes, studyserver.Options{Log: e.log}); err != nil {
			return nil, err
		}
	}
	if before := running.listen; before != listen {
		running.stop()
		if err := running.serve(listen); err != nil {
			if ok && running.serve(before) == nil { // people go on where they are
				return nil, err
			}
			delete(e.studies.byFile, file)
			return nil, errors.Join(err, running.study.Close())
		}
		if e.studies.byFile == nil {
			e.studies.byFile = map[string]*runningStudy{}
		}
		e.studies.byFile[file] = running
	}
	return running.invitation()
}

func (r *runningStudy) serve(listen string) error {
	door, err := r.study.Listen(listen, "")
	if err != nil {
		return err
	}
	r.listen, r.door, r.server = listen, door, r.study.HTTPServer()
	go func(server *http.Server, door *studyserver.Door) {
		if err := server.Serve(door); !errors.Is(err, http.ErrServerClosed) {
			r.study.Log.Print(err)
		}
	}(r.server, door)
	return nil
}

// stop lets what is asked be answered, for a moment.
func (r *runningStudy) stop() {
	if r.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		r.server.Close()
	}
}

// invitation is the addresses and, for a room, a code to point telephones at.
func (r *runningStudy) invitation() (*wire.Result, error) {
	table := wire.Table{Caption: fmt.Sprintf("The study runs; this cell is free. Votes are in %s.", filepath.Base(r.votes)), Head: []string{"for", "address"}}
	for _, host := range r.door.Hosts {
		whom := "participants on this computer"
		if r.study.Invitation(r.door) != "" && host != "127.0.0.1" {
			whom = "participants in the room's network"
		}
		table.Rows = append(table.Rows, []string{whom, r.study.Participants(r.door, host)})
	}
	table.Rows = append(table.Rows, []string{"the organiser", r.study.OrganisersPage(r.door)})
	out := &wire.Result{Tables: []wire.Table{table}}
	address := r.study.Invitation(r.door)
	if address == "" {
		return out, nil
	}
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return nil, fmt.Errorf("draw %s as a code: %w", address, err)
	}
	img := code.PNG()
	size, err := png.DecodeConfig(bytes.NewReader(img))
	if err != nil {
		return nil, fmt.Errorf("draw %s as a code: %w", address, err)
	}
	out.Figure = &wire.Figure{PNG: img, Caption: address, Width: size.Width, Height: size.Height}
	return out, nil
}

// close ends the studies; what was clicked is stored.
func (s *studies) close() {
	s.Lock()
	defer s.Unlock()
	for _, r := range s.byFile {
		r.server.Close()
		r.study.Close()
	}
	s.byFile = nil
}
