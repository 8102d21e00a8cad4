package engine

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// A click that the page was told is stored survives the engine's death.
func TestPicksSurviveKill(t *testing.T) {
	p := startProcess(t, 0)
	name := p.drawn(t, 20)
	var want []string
	for round := range 4 {
		seed := fmt.Sprint(3 * round)
		status, body := p.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"`+seed+`","cap":5}`)
		if status != http.StatusOK {
			t.Fatalf("pick: %d %s", status, body)
		}
		p.kill()
		want = append(want, seed)
		p.start()
		var list pagePicks
		_, body = p.http(t, http.MethodGet, "/gallery/"+name+"/picks?name=five", "")
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(list.Seeds, want) || list.By != wire.ByPerson || list.Revision < round+1 {
			t.Fatalf("after kill %d: %+v, want %v", round+1, list, want)
		}
	}
}

// Killed in the middle of drawing, the engine loses no finished sample, and
// the next one goes on.
func TestDrawSurvivesKill(t *testing.T) {
	p := startProcess(t, 5*time.Millisecond)
	draw := wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 100}}
	failed := make(chan error, 1)
	go func() { _, _, err := p.ask(draw); failed <- err }()
	time.Sleep(400 * time.Millisecond)
	p.kill()
	if err := <-failed; err == nil {
		t.Fatal("drew 100 samples before it was killed; the test needs more latency")
	}
	p.start()
	kept := p.mustAsk(t, wire.Request{Op: wire.OpSpace, Space: "digit-18"}).Space.Samples
	s := p.mustAsk(t, draw).Space
	if kept == 0 || s.Drawn != 100-kept || s.Samples != 100 {
		t.Errorf("kept %d, drew %d, have %d of 100", kept, s.Drawn, s.Samples)
	}
}

// The engine leaves when its parent does.
func TestLifeline(t *testing.T) {
	p := startProcess(t, 0)
	p.mustAsk(t, wire.Request{Op: wire.OpStatus})
	left := make(chan error, 1)
	go func() { left <- p.cmd.Wait() }()
	p.lifeline.Close()
	select {
	case err := <-left:
		if err != nil {
			t.Errorf("exit: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("still running 5 s after its parent closed the life-line")
	}
}

// What the environment names as the folder of spaces is used, also by an
// engine process, and the project's own stays as it is.
func TestStateFolder(t *testing.T) {
	for name, state := range map[string]string{"absolute": filepath.Join(t.TempDir(), "mine"), "below the root": "mine"} {
		t.Run(name, func(t *testing.T) {
			p := startProcess(t, 0)
			p.kill()
			p.state = state
			p.start()
			space := p.drawn(t, 3)
			folder := state
			if !filepath.IsAbs(folder) {
				folder = filepath.Join(p.root, folder)
			}
			if _, err := os.Stat(filepath.Join(folder, "spaces", space, "manifest.json")); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(p.root, ".lab", "spaces", space)); err == nil {
				t.Error("the space is in the project's folder")
			}
		})
	}
}
