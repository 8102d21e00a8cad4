package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// The tests run the whole engine with a sampler that draws rings and strokes
// in no time. Only what a sample looks like is fake; spaces, sockets, pages,
// locks and files are real.

const (
	testToken  = "secret token&1"
	envFake    = "TRUSTSR_TEST_ENGINE" // makes the test binary an engine process
	envLatency = "TRUSTSR_TEST_LATENCY"
)

func TestMain(m *testing.M) {
	if os.Getenv(envFake) != "" {
		latency, _ := time.ParseDuration(os.Getenv(envLatency))
		fmt.Fprintln(os.Stderr, "engine process:", run(context.Background(), fakeTools(latency)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// fakeTools draws a sample in the given time, for LR pictures of any size.
func fakeTools(latency time.Duration) Tools {
	model := func(o app.ModelOptions) (app.Drawer, error) {
		m := &fakeModel{latency: latency, steps: 50, eta: 1}
		if o.Steps != 0 {
			m.steps = o.Steps
		}
		if o.Eta != nil {
			m.eta = *o.Eta
		}
		return m, nil
	}
	return Tools{
		Models: &app.Models{Own: map[string]func(app.ModelOptions) (app.Drawer, error){"digits": model, "natural": model}, OwnReader: fakeReader{latency}},
		TestDigit: func(i int) (lr, hr *picture.Image, label int, err error) {
			if i < 0 || i > 99 {
				return nil, nil, 0, hint.With(fmt.Errorf("there is no test digit %d", i), "use 0 to 99")
			}
			hr = stroke(uint64(1000+i), true)
			lr, err = imresize.Downscale(hr, 4)
			return lr, hr, 8, err
		},
		Perception: func(int) (metrics.Metric, error) { return countedMetric{}, nil },
	}
}

// countedMetric counts how often it is asked.
type countedMetric struct{ metrics.PSNRMetric }

var metricCalls = make(chan struct{}, 10_000)

func (countedMetric) Info() metrics.Info {
	return metrics.Info{ID: "fake/1", Name: "fake", Direction: metrics.LowerIsBetter}
}

func (c countedMetric) Score(image, hr *picture.Image) (float64, error) {
	metricCalls <- struct{}{}
	score, err := c.PSNRMetric.Score(image, hr)
	return 1 / (1 + score), err
}

type fakeModel struct {
	latency time.Duration
	steps   int
	eta     float64
}

func (*fakeModel) Accepts(*picture.Image) error { return nil }

func (m *fakeModel) Recipe() srspace.Recipe {
	return srspace.Recipe{Model: "fake", Weights: strings.Repeat("ab", 32), Scale: 4, Method: "ddim",
		Steps: m.steps, Eta: m.eta, Schedule: "none", Fit: "none", RNG: srspace.RNG, Backend: "go", Software: "test"}
}

func (m *fakeModel) Sample(ctx context.Context, lr *picture.Image, seeds []uint64) iter.Seq2[srspace.Sample, error] {
	return func(yield func(srspace.Sample, error) bool) {
		for _, seed := range seeds {
			select {
			case <-ctx.Done():
				yield(srspace.Sample{}, ctx.Err())
				return
			case <-time.After(m.latency):
			}
			img := stroke(seed, closed(seed))
			if lr.Width != 7 || lr.Height != 7 {
				img = texture(seed, 4*lr.Width, 4*lr.Height)
			}
			if !yield(srspace.Sample{Seed: seed, Image: img}, nil) {
				return
			}
		}
	}
}

// closed says whether the fake sample of a seed is an 8 or a 3: two of three
// are an 8.
func closed(seed uint64) bool { return seed%3 != 1 }

// texture is what the fake model draws of pictures that are no digits.
func texture(seed uint64, width, height int) *picture.Image {
	img := picture.NewImage(width, height)
	noise := make([]float32, len(img.Pix))
	srspace.Noise(noise, seed, 0)
	for i, v := range noise {
		img.Pix[i] = 0.5 + 0.1*v
	}
	return img.Quantized()
}

type fakeReader struct{ latency time.Duration }

func (fakeReader) ID() string { return "fake" }

// Probabilities tells an 8 from a 3 by the left half of the upper ring.
func (r fakeReader) Probabilities(images []*picture.Image) ([][10]float64, error) {
	time.Sleep(r.latency)
	out := make([][10]float64, len(images))
	for i, img := range images {
		var left float32
		for y := 7; y < 12; y++ {
			for x := 5; x < 12; x++ {
				left += img.Pix[3*(y*img.Width+x)]
			}
		}
		digit, p := 3, 0.9
		if left > 3 {
			digit, p = 8, 0.6+0.4*min(1, float64(left)/35)
		}
		out[i][digit], out[i][11-digit] = p, 1-p
	}
	return out, nil
}

// stroke draws an 8 (closed) or a 3, bent a little by the seed.
func stroke(seed uint64, closed bool) *picture.Image {
	bend := make([]float32, 4)
	srspace.Noise(bend, seed, 0)
	img := picture.NewImage(28, 28)
	for half := range 2 {
		cy := 9.5 + 9.5*float64(half) + 0.5*float64(bend[half])
		cx, r := 14+0.7*float64(bend[2]), 4.6+0.3*float64(bend[3])
		for a := 0.0; a < 2*math.Pi; a += 0.05 {
			if !closed && math.Cos(a) < -0.35 {
				continue
			}
			dab(img, cx+r*math.Cos(a), cy+r*math.Sin(a))
		}
	}
	return img
}

func dab(img *picture.Image, cx, cy float64) {
	for y := int(cy) - 2; y <= int(cy)+2; y++ {
		for x := int(cx) - 2; x <= int(cx)+2; x++ {
			if x < 0 || y < 0 || x >= img.Width || y >= img.Height {
				continue
			}
			v := float32(math.Max(0, 1-math.Hypot(float64(x)-cx, float64(y)-cy)/2))
			for c := range 3 {
				p := &img.Pix[3*(y*img.Width+x)+c]
				*p = max(*p, v)
			}
		}
	}
}

// lab is an engine under test with its project root and addresses.
type lab struct {
	root, socket, url string
}

// startEngine runs an engine in this process.
func startEngine(t *testing.T, tools Tools) *lab {
	t.Helper()
	return startEngineFor(t, tools, "")
}

// startEngineFor runs one whose pages browsers reach at an address.
func startEngineFor(t *testing.T, tools Tools, address string) *lab {
	t.Helper()
	l := &lab{root: t.TempDir()}
	socket, pages := l.listen(t)
	e, err := New(Config{Socket: socket, Pages: pages, URL: address, Root: l.root, Token: testToken, Tools: tools, Log: log.New(testWriter{t}, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

func (l *lab) listen(t *testing.T) (socket, pages net.Listener) {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l.socket = filepath.Join(dir, "s")
	if socket, err = net.Listen("unix", l.socket); err != nil {
		t.Fatal(err)
	}
	if pages, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.url = "http://" + pages.Addr().String()
	return socket, pages
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	fmt.Fprintf(os.Stderr, "%s: %s", w.t.Name(), p)
	return len(p), nil
}

// process is an engine in a process of its own, started as the kernel's
// wrapper does: the listeners and a life-line are handed over.
type process struct {
	*lab
	t             *testing.T
	socket, pages *os.File
	latency       time.Duration
	state         string // what the environment names as the folder of spaces
	public        string // address of the pages behind a proxy
	cmd           *exec.Cmd
	lifeline      *os.File
}

func startProcess(t *testing.T, latency time.Duration) *process {
	t.Helper()
	p := &process{lab: &lab{root: t.TempDir()}, t: t, latency: latency}
	socket, pages := p.listen(t)
	var err error
	if p.socket, err = socket.(*net.UnixListener).File(); err != nil {
		t.Fatal(err)
	}
	if p.pages, err = pages.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	// Only the descriptors stay open here; nobody accepts but the engine.
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	socket.Close()
	pages.Close()
	p.start()
	t.Cleanup(func() { p.kill(); p.socket.Close(); p.pages.Close() })
	return p
}

func (p *process) start() {
	p.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), envFake+"=1", envLatency+"="+p.latency.String(), wire.EnvRoot+"="+p.root, wire.EnvState+"="+p.state, wire.EnvToken+"="+testToken, wire.EnvURL+"="+p.public)
	p.cmd.ExtraFiles = []*os.File{p.socket, p.pages, r}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	r.Close()
	p.lifeline = w
}

// kill ends the engine as the system's memory killer does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.lifeline.Close()
}

// dial sends a request and returns the connection.
func (l *lab) dial(req wire.Request) (net.Conn, error) {
	conn, err := net.Dial("unix", l.socket)
	if err != nil {
		return nil, err
	}
	line, _ := json.Marshal(req)
	_, err = conn.Write(append(line, '\n'))
	return conn, err
}

// ask returns the progress lines and the answer of a request.
func (l *lab) ask(req wire.Request) ([]wire.Progress, *wire.Result, error) {
	conn, err := l.dial(req)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	in := bufio.NewScanner(conn)
	in.Buffer(nil, wire.MaxReply)
	var progress []wire.Progress
	for in.Scan() {
		var reply wire.Reply
		if err := json.Unmarshal(in.Bytes(), &reply); err != nil {
			return progress, nil, err
		}
		switch {
		case reply.Progress != nil:
			progress = append(progress, *reply.Progress)
		case reply.Error != "":
			return progress, nil, hint.With(errors.New(reply.Error), reply.Hint)
		default:
			return progress, reply.Result, nil
		}
	}
	return progress, nil, io.ErrUnexpectedEOF
}

func (l *lab) mustAsk(t *testing.T, req wire.Request) *wire.Result {
	t.Helper()
	_, result, err := l.ask(req)
	if err != nil {
		t.Fatalf("%s: %v", req.Op, err)
	}
	return result
}

// file writes a file for a request to name.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func digitSource(i int) *wire.Source { return &wire.Source{Digit: &i} }

// drawn draws n samples of test digit 18 and returns the space's name.
func (l *lab) drawn(t *testing.T, n int) string {
	t.Helper()
	return l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: n}}).Space.Name
}

// http sends a request to the pages with the right token.
func (l *lab) http(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	req, err := http.NewRequest(method, l.url+path+join+"token=secret+token%261", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	return send(t, req)
}

func send(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
