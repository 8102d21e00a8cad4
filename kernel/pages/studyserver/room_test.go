package studyserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/ensemble/study/studytest"
	"github.com/trustsr/trustsr/srspace/picture"
)

// A room of simulated participants takes part at once, from one address,
// through the real pages' API of a server that is a process of its own: all
// ballots are stored, picks are quick, and the server stays small.
func TestRoomOfPeople(t *testing.T) {
	// The aim, 100 ms with 300 people on two cores, is for cores that do nothing
	// else; here other tests may be at work.
	alone := quiet()
	people, longest := 60, 10*time.Second
	if os.Getenv("TRUSTSR_LONG") != "" {
		people = 300
		if alone {
			longest = 100 * time.Millisecond
		}
	}
	const memory = 300 // MB
	dir := t.TempDir()
	studytest.MakeSpace(t, filepath.Join(dir, "space"), 324, 28, 5000)
	file := filepath.Join(dir, "study.yaml")
	text := "title: Which digit is it?\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\ntrials: [{name: a, space: space}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server := startProcess(t, file)
	sim := Simulation{URL: server.url(), Room: "room", Look: func(images []*picture.Image) ([]ensemble.Appearance, error) {
		out := make([]ensemble.Appearance, len(images))
		for i, img := range images {
			out[i].Readings = map[string]float64{"5": float64(img.Pix[0]), "6": 1 - float64(img.Pix[0])}
		}
		return out, nil
	}}
	waits, err := sim.Run(t.Context(), ensemble.SimulatedPanel(people, ensemble.Expert, 3))
	if err != nil {
		t.Fatal(err)
	}
	ballots := ballotsOf(t, server)
	if len(ballots) != people || len(ensemble.Participants(ballots)) != people {
		t.Errorf("%d ballots of %d people, want %d", len(ballots), len(ensemble.Participants(ballots)), people)
	}
	s, err := study.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	rules := s.ProtocolRules()
	if err := rules.ValidateAll(ballots); err != nil {
		t.Error(err)
	}
	p99 := waits[len(waits)*99/100]
	peak := server.peak()
	t.Logf("%d people at once: %d picks, median %v, p99 %v, longest %v; the server takes %d MB; nothing else ran: %v", people, len(waits), waits[len(waits)/2], p99, waits[len(waits)-1], peak, alone)
	if p99 > longest {
		t.Errorf("p99 of a pick: %v, want at most %v", p99, longest)
	}
	if peak > memory {
		t.Errorf("the server takes %d MB, want at most %d", peak, memory)
	}
}

// quiet reports whether little else runs on this machine.
func quiet() bool {
	var load float64
	data, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(data), &load)
	}
	return err == nil && load < 0.5
}

// peak is the most memory that the process has had, in MB; 0 where the system
// does not tell.
func (p *process) peak() (mb int) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Log("memory is not looked at:", err)
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &mb); err == nil {
			return mb >> 10
		}
	}
	return 0
}
