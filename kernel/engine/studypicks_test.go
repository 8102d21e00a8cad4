package engine

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/pages/studyserver"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// vote lets simulated participants take part in a study through its pages.
func vote(t *testing.T, file, store string, people int) []ensemble.Ballot {
	t.Helper()
	described, err := study.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := studyserver.Open(described, store, studyserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	server := httptest.NewServer(v.HTTPServer().Handler)
	defer server.Close()
	simulation := studyserver.Simulation{URL: server.URL, Room: v.Room, Together: 4, Look: func(images []*picture.Image) ([]ensemble.Appearance, error) {
		looks := make([]ensemble.Appearance, len(images))
		for i := range looks {
			looks[i] = ensemble.Appearance{Readings: map[string]float64{"8": 1}, Quality: float64(i) / float64(len(images))}
		}
		return looks, nil
	}}
	if _, err := simulation.Run(context.Background(), ensemble.SimulatedPanel(people, ensemble.Expert, 1)); err != nil {
		t.Fatal(err)
	}
	ballots, err := v.Ballots(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ballots
}

// What a study's voters chose becomes a list of the space, which the plane and
// the gallery show with the study's name.
func TestPicksFromStudy(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	digit := 18
	draw := func(n int) *wire.Space {
		return l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: &wire.Source{Digit: &digit}, Draw: &wire.Draw{N: n}}).Space
	}
	name := draw(24).Name
	dir := t.TempDir()
	path, store := filepath.Join(dir, "class.yaml"), filepath.Join(dir, "class.simulated.db")
	text := fmt.Sprintf("title: t\nconsent: c\ninstructions: i\nthanks: t\nprotocol: method\nseed: 1\nties: expand\ntrials:\n  - {name: eights, space: %q}\n", filepath.Join(l.root, ".lab", "spaces", name))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ask := wire.Request{Op: wire.OpStudyPicks, Space: name, Picks: "class", Study: &wire.Study{File: path}}
	if _, _, err := l.ask(ask); err == nil || hint.Of(err) == "" {
		t.Errorf("no votes yet: %v", err)
	}
	ballots := vote(t, path, store, 6)
	tally, err := ensemble.Count("eights", ballots)
	if err != nil {
		t.Fatal(err)
	}
	top, err := tally.Top(5, ensemble.Expand, 1)
	if err != nil {
		t.Fatal(err)
	}
	ask.Study.Store = store
	list := l.mustAsk(t, ask).Picks
	if want := "most picked by 6 simulated participants of class.yaml, trial eights"; !slices.Equal(list.Seeds, top.Chosen) || list.By != wire.ByStudy || list.Note != want {
		t.Errorf("list %+v, voters chose %v", list, top.Chosen)
	}
	if f := l.mustAsk(t, wire.Request{Op: wire.OpPlane, Space: name, Picks: "class"}).Figure; !strings.Contains(f.Caption, "simulated participants of class.yaml") {
		t.Errorf("plane: %s", f.Caption)
	}
	if again := l.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: name, Picks: "class"}).Picks; again.Note != list.Note {
		t.Errorf("read again: %+v", again)
	}
	digit = 19
	other := ask
	other.Space = draw(6).Name
	if _, _, err := l.ask(other); err == nil || !strings.Contains(err.Error(), "no trial of class.yaml shows") {
		t.Errorf("a space that the study does not show: %v", err)
	}
}
