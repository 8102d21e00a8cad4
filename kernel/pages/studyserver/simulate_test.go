package studyserver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Where server and simulation share a clock every trial lasts as long as the
// participant's kind takes; a server with none stores its own times, whatever
// clock its clients have.
func TestSimulatedClock(t *testing.T) {
	panel := []ensemble.SimulatedParticipant{
		ensemble.SimulatedPanel(1, ensemble.Expert, 1)[0], ensemble.SimulatedPanel(1, ensemble.StraightLiner, 1)[0],
	}
	look := func(images []*picture.Image) ([]ensemble.Appearance, error) {
		return make([]ensemble.Appearance, len(images)), nil
	}
	for _, shared := range []bool{true, false} {
		clock := study.NewSimulatedClock(time.Now())
		var o Options
		if shared {
			o.Clock = clock
		}
		v, url := serveWith(t, newStudy(t), filepath.Join(t.TempDir(), "votes.db"), o)
		sim := Simulation{URL: url, Room: "room", Look: look, Clock: clock}
		if _, err := sim.Run(t.Context(), panel); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		ballots, err := v.Ballots(t.Context())
		if err != nil || len(ballots) != 4 {
			t.Fatalf("%d ballots, error %v", len(ballots), err)
		}
		for _, b := range ballots {
			took, known := b.Duration()
			// The kinds take 25 and 1.5 s, spread by a factor of e^0.3.
			want := map[string][2]time.Duration{
				"simulated expert 1": {8 * time.Second, 80 * time.Second}, "simulated straight-liner 1": {500 * time.Millisecond, 5 * time.Second},
			}[b.Browser]
			switch {
			case shared && (!known || took < want[0] || took > want[1]):
				t.Errorf("%s took %v, want %v", b.Browser, took, want)
			case !shared && b.Cast.After(ended):
				t.Errorf("%s handed in %v after the end: its clock was trusted", b.Browser, b.Cast.Sub(ended))
			}
		}
	}
}
