package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/kernel/pages/studyserver"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ExistsError is a file that would be overwritten.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + " is there already" }

const newStudy = `# A study: what is shown, and what is asked.
title: %s
consent: |
  You will see pictures that a computer made from one %s, and choose
  some of them. Your answers are stored under a number, without your name, with
  the times of your clicks and the kind of your browser. You may stop at any
  time by closing the page.
instructions: |
  Look at all the pictures; the order is different for everyone. Choose those
  that %s.
thanks: |
  You may close this page.
protocol: %s      # task1, task2 or method: the paper's three
# rules: {max_picks: 3, confidence: 5, allow_none: true, participants: 25}    # changes to it
seed: %d
ties: expand         # or seeded-draw, shown-last
# training: {name: practice, space: practice/, samples: 12}  # first, not counted
trials:
%s`

// newStudyTexts are, for each protocol, the title, what the pictures were made
// from, and which ones to choose.
var newStudyTexts = map[string][3]string{
	"task1":  {"Which digit is it?", "blurred digit", "help you most to say which digit it is, and say what you read"},
	"task2":  {"Which pictures look natural?", "small photograph", "have the most natural details, colours and lighting: at most three,\n  or none if none does"},
	"method": {"What is in the picture?", "small picture", "most likely show what is there, and say what you read, if anything"},
}

// HRFile is the truth in the folder of a space, where it is known.
const HRFile = "hr.png"

// NewStudy writes a study file to start from, one trial for each space, with
// the truth of those whose folders hold it, for the report alone. A file that
// is there is left alone: the error is an [ExistsError].
func NewStudy(file, protocol string, spaces []string) error {
	if _, err := os.Stat(file); err == nil {
		return &ExistsError{file}
	}
	if _, err := ensemble.FindProtocol(protocol); err != nil {
		return err
	}
	trials := ""
	for i, space := range spaces {
		path, err := filepath.Rel(filepath.Dir(file), space)
		if err != nil {
			path = space
		}
		hr := ""
		if _, err := os.Stat(filepath.Join(space, HRFile)); err == nil {
			hr = fmt.Sprintf(", hr: %q", filepath.ToSlash(filepath.Join(path, HRFile)))
		}
		trials += fmt.Sprintf("  - {name: trial-%d, space: %q%s}\n", i+1, filepath.ToSlash(path), hr)
	}
	words := newStudyTexts[protocol]
	text := fmt.Sprintf(newStudy, words[0], words[1], words[2], protocol, time.Now().UnixNano()%1_000_000, trials)
	if _, err := study.Parse([]byte(text)); err != nil {
		return err
	}
	return atomicfile.Write(file, []byte(text))
}

// RunningStudy is a study that this process serves.
type RunningStudy struct {
	Store  string // file of its votes
	server *studyserver.Server
	http   *http.Server
	door   *studyserver.Door
	served chan error
}

// StudyOptions say which study is served, and where.
type StudyOptions struct {
	File, Store string // see StoreOf
	Listen      string // address of this machine, with or without port; "" is loopback
	Port        string // where Listen has none; "" is that of last time, or a free one
	Log         *log.Logger

	PublicURL string   // under which a proxy offers the pages; "" for none
	Proxies   []string // IP addresses of proxies that may say for whom they ask
}

// StartStudy opens a study with its store and serves its pages.
func StartStudy(o StudyOptions) (*RunningStudy, error) {
	r := &RunningStudy{Store: StoreOf(o.File, o.Store)}
	var err error
	if r.server, err = openStudy(o.File, r.Store, studyserver.Options{Log: o.Log, PublicURL: o.PublicURL, Proxies: o.Proxies}); err != nil {
		return nil, err
	}
	if err := r.Move(o.Listen, o.Port); err != nil {
		return nil, errors.Join(err, r.server.Close())
	}
	return r, nil
}

func openStudy(file, store string, o studyserver.Options) (*studyserver.Server, error) {
	s, err := study.Load(file)
	if err != nil {
		return nil, err
	}
	return studyserver.Open(s, store, o)
}

// Move serves the pages at another address. Where that fails they are served
// as before.
func (r *RunningStudy) Move(listen, port string) error {
	if listen == "" {
		listen = "127.0.0.1"
	}
	r.stopPages(2 * time.Second)
	door, err := r.server.Listen(listen, port)
	if err != nil {
		if before := r.door; before != nil {
			if again, errAgain := r.server.Listen(before.Addr().String(), ""); errAgain == nil {
				r.serve(again)
			}
		}
		return err
	}
	r.serve(door)
	return nil
}

func (r *RunningStudy) serve(door *studyserver.Door) {
	r.door, r.http, r.served = door, r.server.HTTPServer(), make(chan error, 1)
	go func(server *http.Server, served chan<- error) {
		err := server.Serve(door)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		served <- err
	}(r.http, r.served)
}

// stopPages lets what is asked be answered, for a moment.
func (r *RunningStudy) stopPages(patience time.Duration) {
	if r.http == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if r.http.Shutdown(ctx) != nil {
		r.http.Close()
	}
	r.http = nil
}

// Wait serves until ctx ends or the pages fail, and closes the study. Every
// click is stored.
func (r *RunningStudy) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		r.stopPages(5 * time.Second)
		return r.server.Close()
	case err := <-r.served:
		return errors.Join(err, r.server.Close())
	}
}

// Close ends the serving at once. Every click is stored.
func (r *RunningStudy) Close() error {
	if r.http != nil {
		r.http.Close()
	}
	return r.server.Close()
}

// Invitation is how people reach a running study.
type Invitation struct {
	Participants []Address // the most useful first
	Organiser    string    // address of the organiser's page
	Room         string    // address for a code to point telephones at; "" where this machine alone can reach the study
}

// Address is an address of the participants' pages.
type Address struct {
	URL   string
	Local bool // this machine alone can reach it
}

// Invitation returns the addresses of the study.
func (r *RunningStudy) Invitation() Invitation {
	out := Invitation{Organiser: r.server.OrganisersPage(r.door), Room: r.server.Invitation(r.door)}
	for _, host := range r.door.Hosts {
		out.Participants = append(out.Participants, Address{r.server.Participants(r.door, host), out.Room == "" || host == "127.0.0.1"})
	}
	return out
}

// CloseStudy ends voting for good. A study that is being served is refused with
// study.ErrServed.
func CloseStudy(ctx context.Context, file, store string) error {
	store = StoreOf(file, store)
	if _, err := os.Stat(store); err != nil {
		return &NoVotesError{store, err}
	}
	v, err := openStudy(file, store, studyserver.Options{})
	if err != nil {
		return err
	}
	return errors.Join(v.CloseStudy(ctx), v.Close())
}

// RepairStudy saves what can be read of the damaged store of a study into a
// new one, see [study.Repair]. It returns where the store is, and what was
// saved.
func RepairStudy(file, store string) (path string, saved *study.Repaired, err error) {
	path = StoreOf(file, store)
	if _, err := os.Stat(path); err != nil {
		return "", nil, &NoVotesError{path, err}
	}
	saved, err = study.Repair(path)
	return path, saved, err
}

// ExportTidy writes the tables of a study and their dictionary into a folder,
// see [study.Votes.Tidy], and returns the names of the files.
func ExportTidy(ctx context.Context, file, store, dir string) ([]string, error) {
	v, _, err := OpenVotes(file, store)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	files, err := v.Tidy(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if err := atomicfile.Write(filepath.Join(dir, name), files[name]); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// ExportBallots writes the ballots of a study into a file, .csv or .jsonl, and
// returns how many there are.
func ExportBallots(ctx context.Context, file, store, out string) (int, error) {
	v, _, err := OpenVotes(file, store)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	ballots, err := v.Ballots(ctx)
	if err != nil {
		return 0, err
	}
	return len(ballots), ensemble.WriteBallots(out, ballots)
}

// SimulateStudyOptions say who takes part in a rehearsal.
type SimulateStudyOptions struct {
	File      string
	Store     string // must not be there yet; "" is SimulatedStore
	People    int
	Behaviour string // one of ensemble.Behaviours, or MixedPanel
	Seed      uint64
	Progress  func(done int) // of the people; may be nil
}

// SimulatedStore is where the votes of a rehearsal are by default.
func SimulatedStore(file string) string {
	return StoreOf(file, "")[:len(StoreOf(file, ""))-len(".db")] + ".simulated.db"
}

// Rehearsal is what came of simulated participants.
type Rehearsal struct {
	Store string
	Waits []time.Duration // how long the server took for each pick, shortest first
}

// SimulateStudy takes simulated participants through a whole study, through the
// same server as people, in seconds. Where it fails it leaves no store.
func (ms *Models) SimulateStudy(ctx context.Context, o SimulateStudyOptions) (*Rehearsal, error) {
	if o.Store == "" {
		o.Store = SimulatedStore(o.File)
	}
	if _, err := os.Stat(o.Store); err == nil {
		return nil, &ExistsError{o.Store}
	}
	panel, err := Panel(o.People, o.Behaviour, o.Seed)
	if err != nil {
		return nil, err
	}
	look, err := ms.look(ctx, o.File)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	waits, err := runPanel(ctx, o, panel, look)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	return &Rehearsal{o.Store, waits}, nil
}

func runPanel(ctx context.Context, o SimulateStudyOptions, panel []ensemble.SimulatedParticipant, look lookFunc) (waits []time.Duration, err error) {
	clock := study.NewSimulatedClock(time.Now())
	v, err := openStudy(o.File, o.Store, studyserver.Options{Clock: clock, JoinBurst: len(panel)})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, v.Close()); err == nil {
			return
		}
		for _, ending := range []string{"", "-wal", "-shm", ".lock"} { // half a study is none
			os.Remove(o.Store + ending)
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := v.HTTPServer()
	go server.Serve(l) // until it is closed
	defer server.Close()
	simulation := studyserver.Simulation{URL: "http://" + l.Addr().String(), Room: v.Room, Together: 50, Look: look, Clock: clock}
	if o.Progress != nil {
		simulation.Progress = func(done, _ int) { o.Progress(done) }
	}
	return simulation.Run(ctx, panel)
}

type lookFunc func(images []*picture.Image) ([]ensemble.Appearance, error)

// look is what simulated participants of a study see with. Samples that are no
// digits are looked at beforehand, because their pages cannot judge one alone;
// a study that asks to read digits in them is refused.
func (ms *Models) look(ctx context.Context, file string) (lookFunc, error) {
	s, err := study.Load(file)
	if err != nil {
		return nil, err
	}
	trials := slices.Clone(s.Trials)
	if s.Training != nil {
		trials = append(trials, *s.Training)
	}
	known := map[string]ensemble.Appearance{}
	for _, t := range trials {
		space, samples, err := OpenSamples(s.SpacePath(t))
		if err == nil && !IsDigit(samples[0].Image) {
			err = ms.remember(ctx, known, s.ProtocolRules().Reading, space.LR(), samples)
		}
		if err != nil {
			return nil, fmt.Errorf("trial %q: %w", t.Name, err)
		}
	}
	return func(images []*picture.Image) ([]ensemble.Appearance, error) {
		if IsDigit(images[0]) {
			looks, _, err := ms.ReadDigits(ctx, images)
			return looks, err
		}
		looks := make([]ensemble.Appearance, len(images))
		for i, img := range images {
			looks[i] = known[img.Hash()]
		}
		return looks, nil
	}, nil
}

// remember keeps what samples look like, by the hash of their pixels.
func (ms *Models) remember(ctx context.Context, known map[string]ensemble.Appearance, reading ensemble.ReadingKind, lr *picture.Image, samples []srspace.Sample) error {
	looks, err := ms.Appearances(ctx, reading, lr, samples)
	if err != nil {
		return err
	}
	for i, sample := range samples {
		known[sample.Image.Hash()] = looks[i]
	}
	return nil
}
