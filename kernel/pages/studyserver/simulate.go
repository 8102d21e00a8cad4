package studyserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Simulation runs simulated participants through a study's own pages' API.
// They know what the server sends to browsers, and look at the pictures.
type Simulation struct {
	URL  string // of the study, without path
	Room string // its room's token

	// Look says what pictures look like, as ensemble.Appearance does.
	Look func(images []*picture.Image) ([]ensemble.Appearance, error)

	// Together is how many take part at once; 0 for all.
	Together int

	// Clock, unless nil, is the server's: trials then last as long as people
	// of the kind take, not as long as the simulation does.
	Clock *study.SimulatedClock

	// Progress, unless nil, is told of every participant that is done.
	Progress func(done, total int)

	eyes  sync.Mutex // of whoever decodes pictures
	mu    sync.Mutex
	known map[string]ensemble.Appearance // by the picture's hash
	waits []time.Duration                // of every pick
}

// Run takes participants through the study, from consent to thanks, and
// returns how long the server took for each pick, shortest first. They join one
// after the other, so that each has the same order of pictures every time: the
// same people cast the same ballots.
func (s *Simulation) Run(ctx context.Context, people []ensemble.SimulatedParticipant) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.known = map[string]ensemble.Appearance{}
	together := s.Together
	if together <= 0 {
		together = len(people)
	}
	visitors := make([]*visitor, len(people))
	for i := range people {
		var err error
		if visitors[i], err = s.join(ctx, &people[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", people[i].Name, err)
		}
		defer visitors[i].client.CloseIdleConnections()
	}
	gate := make(chan bool, together)
	var running sync.WaitGroup
	done := 0
	for i := range people {
		running.Go(func() {
			gate <- true
			defer func() { <-gate }()
			if ctx.Err() != nil {
				return
			}
			if err := visitors[i].takePart(ctx); err != nil {
				cancel(fmt.Errorf("%s: %w", people[i].Name, err))
				return
			}
			s.mu.Lock()
			done++
			if s.Progress != nil {
				s.Progress(done, len(people))
			}
			s.mu.Unlock()
		})
	}
	running.Wait()
	slices.Sort(s.waits)
	if ctx.Err() != nil {
		return s.waits, context.Cause(ctx)
	}
	return s.waits, nil
}

// visitor is one simulated participant's browser.
type visitor struct {
	*Simulation
	client *http.Client
	person *ensemble.SimulatedParticipant
}

// join gives a participant a browser and a seat.
func (s *Simulation) join(ctx context.Context, person *ensemble.SimulatedParticipant) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &visitor{s, &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: time.Minute}, person}
	return b, b.post(ctx, "/api/join", map[string]any{"room": s.Room, "pixel_ratio": 1}, nil)
}

// takePart goes from consent to thanks.
func (b *visitor) takePart(ctx context.Context) error {
	var err error
	var v view
	if err := b.get(ctx, "/api/state", &v); err != nil {
		return err
	}
	for {
		switch v.Phase {
		case "consent":
			err = b.click(ctx, &v, study.Click{Op: "agree"})
		case "instructions":
			err = b.click(ctx, &v, study.Click{Op: "start"})
		case "training", "trial":
			err = b.trial(ctx, &v)
		case "thanks":
			return nil
		default:
			return fmt.Errorf("phase %q", v.Phase)
		}
		if err != nil {
			return err
		}
	}
}

// browser is what it calls itself: a participant's own, by which the clock
// tells them apart.
func (b *visitor) browser() string { return study.Printable(ensemble.SimulatedBrowser + b.person.Name) }

// trial answers one trial with clicks, as a person would.
func (b *visitor) trial(ctx context.Context, v *view) error {
	t := v.Task
	looks := map[uint64]ensemble.Appearance{}
	shown := make([]uint64, t.Samples)
	for i := range shown {
		shown[i] = uint64(i) // positions: a participant knows no sample numbers
	}
	for sheet := range t.Sheets {
		images, err := b.sheet(ctx, v, sheet)
		if err != nil {
			return err
		}
		all, err := b.look(images)
		if err != nil {
			return err
		}
		for i, a := range all {
			looks[uint64(sheet*t.Columns*t.Columns+i)] = a
		}
	}
	if !v.Answer.Drawn {
		if err := b.click(ctx, v, study.Click{Op: "drawn"}); err != nil {
			return err
		}
	}
	protocol := ensemble.Protocol{
		Name: "study", Reading: ensemble.ReadingKind(t.Reading), ReadingOptional: t.ReadingOptional, Samples: t.Samples,
		MinPicks: t.MinPicks, MaxPicks: t.MaxPicks, AllowNone: t.AllowNone, Confidence: t.Confidence, Combined: 1,
	}
	ballot, err := b.person.Answer(&protocol, strconv.Itoa(v.Step), shown, looks, time.Now())
	if err != nil {
		return err
	}
	for _, pick := range ballot.Picks {
		began := time.Now()
		if err := b.click(ctx, v, study.Click{Op: "pick", Position: int(pick)}); err != nil {
			return err
		}
		took := time.Since(began)
		b.mu.Lock()
		b.waits = append(b.waits, took)
		b.mu.Unlock()
	}
	if ballot.None {
		if err := b.click(ctx, v, study.Click{Op: "none", Number: 1}); err != nil {
			return err
		}
	}
	if ballot.Reading != "" {
		if err := b.click(ctx, v, study.Click{Op: "reading", Value: ballot.Reading}); err != nil {
			return err
		}
	}
	if ballot.Confidence > 0 {
		if err := b.click(ctx, v, study.Click{Op: "confidence", Number: ballot.Confidence}); err != nil {
			return err
		}
	}
	if took, known := ballot.Duration(); known && b.Clock != nil {
		b.Clock.Advance(b.browser(), took)
	}
	return b.click(ctx, v, study.Click{Op: "submit"})
}

// look asks Look about pictures that nobody has seen yet.
func (s *Simulation) look(images []*picture.Image) ([]ensemble.Appearance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []*picture.Image
	hashes := make([]string, len(images))
	for i, img := range images {
		hashes[i] = img.Hash()
		if _, ok := s.known[hashes[i]]; !ok {
			fresh = append(fresh, img)
			s.known[hashes[i]] = ensemble.Appearance{}
		}
	}
	if len(fresh) > 0 {
		seen, err := s.Look(fresh)
		if err != nil {
			return nil, err
		}
		for i, img := range fresh {
			s.known[img.Hash()] = seen[i]
		}
	}
	out := make([]ensemble.Appearance, len(images))
	for i, h := range hashes {
		out[i] = s.known[h]
	}
	return out, nil
}

// sheet cuts the pictures of a sheet apart.
func (b *visitor) sheet(ctx context.Context, v *view, k int) ([]*picture.Image, error) {
	resp, err := b.ask(ctx, http.MethodGet, fmt.Sprintf("/sheet/%d/%d.png", v.Step, k), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	b.eyes.Lock() // people have computers of their own; here the server's has to do
	defer b.eyes.Unlock()
	whole, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	t := v.Task
	per := t.Columns * t.Columns
	var out []*picture.Image
	for i := range min(per, t.Samples-k*per) {
		img := picture.NewImage(t.Width, t.Height)
		at := image.Pt(i%t.Columns*t.Width, i/t.Columns*t.Height)
		for y := range t.Height {
			for x := range t.Width {
				r, g, bl, _ := whole.At(at.X+x, at.Y+y).RGBA()
				p := img.Pix[3*(y*t.Width+x):]
				p[0], p[1], p[2] = float32(r>>8)/255, float32(g>>8)/255, float32(bl>>8)/255
			}
		}
		out = append(out, img)
	}
	return out, nil
}

func (b *visitor) click(ctx context.Context, v *view, c study.Click) error {
	c.Step = v.Step
	return b.post(ctx, "/api/click", c, v)
}

func (b *visitor) post(ctx context.Context, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return b.json(ctx, http.MethodPost, path, data, into)
}

func (b *visitor) get(ctx context.Context, path string, into any) error {
	return b.json(ctx, http.MethodGet, path, nil, into)
}

func (b *visitor) json(ctx context.Context, method, path string, body []byte, into any) error {
	resp, err := b.ask(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if v, ok := into.(*view); ok {
		*v = view{}
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// ask waits where the server says that it has too much to do.
func (b *visitor) ask(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, method, b.URL+path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Header.Set("User-Agent", b.browser())
		resp, err := b.client.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<12))
		resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests || try > 100 {
			return nil, errors.New(resp.Status + ": " + string(bytes.TrimSpace(text)))
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
