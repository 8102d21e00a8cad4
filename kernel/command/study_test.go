package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
)

// Every value and every line that the comments of a new study file offer can
// be used as it stands there.
func TestStudyTemplate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "study.yaml")
	if _, err := runLine(t, "study", "new", file, "--space", "space"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	offered := regexp.MustCompile(`(?m)^(protocol|ties): (\S+) +# (?:or )?([^:\n]+)`)
	tried := 0
	for _, line := range offered.FindAllStringSubmatch(text, -1) {
		for _, value := range regexp.MustCompile(`[a-z0-9-]+`).FindAllString(strings.ReplaceAll(line[3], " or ", " "), -1) {
			changed := strings.Replace(text, line[0], line[1]+": "+value+" # ", 1)
			if _, err := study.Parse([]byte(changed)); err != nil {
				t.Errorf("%s: %s: %v", line[1], value, err)
			}
			tried++
		}
	}
	commented := regexp.MustCompile(`(?m)^# ((?:rules|training): .*)$`).FindAllStringSubmatch(text, -1)
	for _, line := range commented {
		if _, err := study.Parse([]byte(strings.Replace(text, line[0], line[1], 1))); err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
		tried++
	}
	if tried != 7 { // task1, task2, method; seeded-draw, shown-last; rules, training
		t.Errorf("%d values tried of\n%s", tried, text)
	}
	for old, want := range map[string]string{"seeded draw": "seeded-draw", "order shown last": "shown-last"} {
		s, err := study.Parse([]byte(regexp.MustCompile(`(?m)^ties: .*$`).ReplaceAllString(text, fmt.Sprintf("ties: %q", old))))
		if err != nil || s.Ties != want {
			t.Errorf("%q, as earlier files spell it: %v", old, err)
		}
	}
}

// output may be read while a command writes it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// A study from its file to its report, by the commands alone.
func TestStudyCommands(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	spaceOfDigits(t, at("space"), 40)
	ok := func(args ...string) string {
		t.Helper()
		out, err := runLine(t, append([]string{"study"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	refused := func(advice string, args ...string) error {
		t.Helper()
		_, err := runLine(t, append([]string{"study"}, args...)...)
		if err == nil || !strings.Contains(hint.Of(err), advice) {
			t.Errorf("%v: %v, hint %q, want one with %q", args, err, hint.Of(err), advice)
		}
		return err
	}
	file := at("study.yaml")
	ok("new", file, "--space", at("space"))
	refused("another file", "new", file)
	if out := ok("check", file); !strings.Contains(out, "Which digit is it?") || !strings.Contains(out, "trial-1: 40 samples") {
		t.Errorf("check: %s", out)
	}
	for _, verb := range []string{"report", "export", "close"} {
		refused("serve or simulate", verb, file)
	}
	ok("simulate", file, "--people", "12")
	refused("--store", "simulate", file)
	store := at("study.simulated.db")
	if out := ok("report", file, "--store", store, "-o", at("report")); !strings.Contains(out, "trial-1") {
		t.Errorf("report: %s", out)
	}
	for _, name := range []string{"report.md", "table1.md", "table1.csv", "fig4.png", "ballots.csv"} {
		if info, err := os.Stat(filepath.Join(at("report"), name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"ballots.csv", "ballots.jsonl"} {
		if out := ok("export", file, "--store", store, "-o", at(name)); !strings.Contains(out, "12 ballots") {
			t.Errorf("export: %s", out)
		}
		if ballots, err := ensemble.ReadBallots(at(name)); err != nil || len(ballots) != 12 {
			t.Errorf("%s: %d ballots, %v", name, len(ballots), err)
		}
	}

	// Served, a study is closed by its server alone.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out output
	served := make(chan error, 1)
	go func() {
		root := Root()
		root.SetArgs([]string{"study", "serve", file, "--listen", "127.0.0.1:0"})
		root.SetOut(&out)
		served <- root.ExecuteContext(ctx)
	}()
	address := regexp.MustCompile(`participants: (http://\S+)`)
	for end := time.Now().Add(time.Minute); !address.MatchString(out.String()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("serve prints %q", out.String())
		}
	}
	resp, err := http.Get(address.FindStringSubmatch(out.String())[1])
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the participants' address: %v, %v", resp, err)
	}
	resp.Body.Close()
	if err := refused("organiser's page", "close", file); !errors.Is(err, study.ErrServed) {
		t.Errorf("close beside the server: %v", err)
	}
	if err := refused("stop it", "serve", file, "--listen", "127.0.0.1:0"); !errors.Is(err, study.ErrServed) {
		t.Errorf("a second server: %v", err)
	}
	if out := ok("export", file, "-o", at("now.csv")); !strings.Contains(out, "0 ballots") {
		t.Errorf("export beside the server: %s", out)
	}
	stop()
	if err := <-served; err != nil {
		t.Fatal("serve:", err)
	}
	if out := ok("close", file); out != "closed\n" {
		t.Errorf("close: %s", out)
	}
	s, err := study.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := study.Read(s, at("study.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if closed, err := v.Closed(t.Context()); err != nil || !closed {
		t.Errorf("closed: %v, %v", closed, err)
	}
}
