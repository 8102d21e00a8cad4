package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/engine"
	"github.com/trustsr/trustsr/kernel/wire"
)

// notebook asks an engine of this process as a cell does.
func notebook(t *testing.T) (ask func(wire.Request) *wire.Result, state string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // t.TempDir may be too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	state = t.TempDir()
	e, err := engine.New(engine.Config{Socket: socket, Root: dir, State: state, Token: "t", Tools: engine.Real()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); e.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return func(req wire.Request) *wire.Result {
		t.Helper()
		conn, err := net.Dial("unix", socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		json.NewEncoder(conn).Encode(req)
		in := bufio.NewScanner(conn)
		in.Buffer(nil, wire.MaxReply)
		for in.Scan() {
			var reply wire.Reply
			if err := json.Unmarshal(in.Bytes(), &reply); err != nil {
				t.Fatal(err)
			}
			if reply.Error != "" {
				t.Fatalf("%s: %s (%s)", req.Op, reply.Error, reply.Hint)
			}
			if reply.Result != nil {
				return reply.Result
			}
		}
		t.Fatalf("%s: no answer", req.Op)
		return nil
	}, state
}

// Each use case gives the same bytes from the command line and from a notebook:
// samples, the votes of simulated people with Table 1, controls, metric ids and
// Fig. 4, the report of a study, and a table of scores.
func TestFrontEndsAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("draws with the real model")
	}
	ask, state := notebook(t)
	digit, n, steps := 497, 40, 10
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	line := func(args ...string) string {
		t.Helper()
		out, err := runLine(t, args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	file := func(path string) string {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}

	space := ask(wire.Request{Op: wire.OpDraw, Source: &wire.Source{Digit: &digit}, Draw: &wire.Draw{N: n, Model: wire.Model{Steps: steps}}}).Space
	line("sample", "--digit", fmt.Sprint(digit), "-n", fmt.Sprint(n), "--steps", fmt.Sprint(steps), "-o", at("space"))
	for i := range n {
		name := fmt.Sprintf("samples/%06d.png", i)
		if file(filepath.Join(space.Dir, name)) != file(filepath.Join(at("space"), name)) {
			t.Fatalf("%s differs", name)
		}
	}

	_, hr, _, err := app.TestDigit(digit)
	if err != nil {
		t.Fatal(err)
	}
	if err := hr.WritePNG(at("hr.png")); err != nil {
		t.Fatal(err)
	}
	people := ask(wire.Request{Op: wire.OpSimulate, Space: space.Name, People: 30, Behaviour: "expert"})
	report := line("tally", "--space", space.Dir, "--simulate", "30", "--behaviour", "expert", "--hr", at("hr.png"), "-o", at("report"))
	if file(at("report/fig4.png")) != string(people.Figure.PNG) {
		t.Error("Fig. 4 differs")
	}
	for _, text := range people.Markdown {
		table := text[strings.Index(text, "\n|"):] // after what the notebook writes above it
		if !strings.Contains(report, strings.TrimSpace(table)) {
			t.Errorf("the command's report has another table than the notebook's\n%s", table)
		}
	}

	study := wire.Study{File: at("class.yaml"), Spaces: []string{space.Name}, People: 12, Behaviour: "mix"}
	ask(wire.Request{Op: wire.OpNewStudy, Study: &study})
	ask(wire.Request{Op: wire.OpRehearse, Study: &study})
	line("study", "simulate", at("class.yaml"), "--people", "12", "--behaviour", "mix", "--store", at("line.db"))
	study.Store, study.Out = app.SimulatedStore(study.File), at("notebook")
	shown := ask(wire.Request{Op: wire.OpStudyReport, Study: &study})
	summary := line("study", "report", at("class.yaml"), "--store", at("line.db"), "-o", at("line"))
	for _, name := range []string{"table1.md", "table1.csv", "fig4.png", "ensemble.png", "plane.png", "rivals.png", "report.md"} {
		if file(filepath.Join(at("notebook"), name)) != file(filepath.Join(at("line"), name)) {
			t.Errorf("study: %s differs", name)
		}
	}
	if text := strings.Join(shown.Markdown, "\n"); !strings.Contains(text, strings.TrimSpace(strings.Split(summary, "\nall of it")[0])) {
		t.Errorf("the notebook shows another summary:\n%s\n%s", text, summary)
	}

	ask(wire.Request{Op: wire.OpSave, Space: space.Name, Out: at("rows")})
	rows := []string{at("rows/bicubic"), at("rows/one sample"), at("rows/mean of 3")}
	const metrics = "psnr/rgb/crop0,lrpsnr/matlab-u8/vs-lr,lpips/alex/0.1/nearest×3"
	scored := ask(wire.Request{Op: wire.OpScore, Score: &wire.Score{SR: rows, HR: at("rows/HR"), LR: at("rows/LR"), Metrics: metrics}})
	if table := line("score", "--sr", rows[0], "--sr", rows[1], "--sr", rows[2], "--hr", at("rows/HR"), "--lr", at("rows/LR"), "--metrics", metrics); table != scored.Markdown[0] {
		t.Errorf("scores differ:\n%s\n%s", table, scored.Markdown[0])
	}
	if state == "" || bytes.Contains([]byte(report), []byte(state)) {
		t.Error("the report names the folder of this machine")
	}
}

// What a notebook can say of a model is what the use case takes, and each of it
// arrives there.
func TestModelOverTheWire(t *testing.T) {
	have := map[string]bool{}
	for i, options := 0, reflect.TypeFor[app.ModelOptions](); i < options.NumField(); i++ {
		have[options.Field(i).Name] = true
	}
	asked := reflect.TypeFor[wire.Model]()
	for i := range asked.NumField() {
		if !have[asked.Field(i).Name] {
			t.Errorf("a notebook asks for %s, which no use case takes", asked.Field(i).Name)
		}
		delete(have, asked.Field(i).Name)
	}
	for name := range have {
		t.Errorf("a notebook cannot ask for %s", name)
	}
}
