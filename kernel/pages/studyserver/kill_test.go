package studyserver

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/ensemble/study/studytest"
)

// envServe makes the test binary serve a study: file, store and address,
// separated by line breaks.
const envServe = "TRUSTSR_TEST_STUDY"

func TestMain(m *testing.M) {
	if args := os.Getenv(envServe); args != "" {
		part := strings.Split(args, "\n")
		err := func() error {
			s, err := study.Load(part[0])
			if err != nil {
				return err
			}
			v, err := Open(s, part[1], Options{Room: "room", Organiser: "boss"})
			if err != nil {
				return err
			}
			var l net.Listener
			for range 100 { // the killed one's port may take a moment
				if l, err = net.Listen("tcp", part[2]); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if err != nil {
				return err
			}
			return v.HTTPServer().Serve(l)
		}()
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// process is a study's server that can be killed.
type process struct {
	t                 testing.TB
	file, store, addr string
	cmd               *exec.Cmd
}

func startProcess(t testing.TB, file string) *process {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, file: file, store: filepath.Join(t.TempDir(), "votes.db"), addr: l.Addr().String()}
	l.Close()
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) url() string { return "http://" + p.addr }

// start runs the server and waits until it answers.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), envServe+"="+p.file+"\n"+p.store+"\n"+p.addr)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if resp, err := http.Get(p.url() + "/study.css"); err == nil {
			resp.Body.Close()
			return
		}
	}
	p.t.Fatal("the server does not answer")
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stored returns the picks of every participant as the store has them. That it
// opens is part of the test.
func (p *process) stored() map[string][]int {
	p.t.Helper()
	s, err := study.Load(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	v, err := Open(s, p.store, Options{})
	if err != nil {
		p.t.Fatal("the store does not open:", err)
	}
	if err := v.Close(); err != nil {
		p.t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+p.store)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT key, shown, picks FROM answers JOIN participants ON participant = number`)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	out := map[string][]int{}
	for rows.Next() {
		var key, shown, picks string
		var order, picked []uint64
		if err := errors.Join(rows.Scan(&key, &shown, &picks), json.Unmarshal([]byte(shown), &order), json.Unmarshal([]byte(picks), &picked)); err != nil {
			p.t.Fatal(err)
		}
		for _, sample := range picked {
			out[key] = append(out[key], slices.Index(order, sample))
		}
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// The server is killed at random moments while people click: every pick that
// was acknowledged is in the store, at most the one under way besides, and
// the store opens.
func TestKilledAtAnyMoment(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("TRUSTSR_KILLS")); err == nil {
		kills = n
	} else if os.Getenv("TRUSTSR_LONG") != "" {
		kills = 100
	}
	dir := t.TempDir()
	studytest.MakeSpace(t, filepath.Join(dir, "space"), 60, 8, 0)
	file := filepath.Join(dir, "study.yaml")
	text := "title: t\nconsent: c\ninstructions: i\nprotocol: task1\nrules: {max_picks: 50}\nseed: 1\ntrials: [{name: a, space: space, samples: 60}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, file)
	total := 0
	for round := range kills {
		acknowledged := map[string][]int{}
		underway := map[string]int{}
		var mu sync.Mutex
		var people sync.WaitGroup
		for range 4 {
			people.Go(func() {
				key, err := clickAway(p.url(), func(position int, stored bool, key string) {
					mu.Lock()
					defer mu.Unlock()
					if stored {
						acknowledged[key] = append(acknowledged[key], position)
						delete(underway, key)
					} else {
						underway[key] = position
					}
				})
				if err == nil && key == "" {
					t.Error("nobody")
				}
			})
		}
		time.Sleep(time.Duration(10+rand.IntN(150)) * time.Millisecond)
		p.kill()
		people.Wait()
		stored := p.stored()
		for key, picks := range acknowledged {
			got := stored[key]
			if len(got) < len(picks) || !slices.Equal(got[:len(picks)], picks) {
				t.Fatalf("round %d: acknowledged %v, stored %v", round, picks, got)
			}
			if rest := got[len(picks):]; len(rest) > 1 || len(rest) == 1 && rest[0] != underway[key] {
				t.Fatalf("round %d: stored %v that nobody picked", round, rest)
			}
			total += len(picks)
		}
		p.start()
	}
	if total < kills {
		t.Errorf("only %d picks in %d rounds", total, kills)
	}
	t.Logf("%d kills, %d acknowledged picks, all stored", kills, total)
}

// clickAway joins and picks one sample after the other until the server is
// gone. told hears of each pick before it is sent and when it is stored.
func clickAway(url string, told func(position int, stored bool, key string)) (string, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var cookie *http.Cookie
	post := func(path string, body any) error {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req, err := http.NewRequest("POST", url+path, strings.NewReader(string(data)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		if cookie != nil {
			req.AddCookie(cookie)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		for _, c := range resp.Cookies() {
			cookie = &http.Cookie{Name: c.Name, Value: c.Value}
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != 200 {
			return errors.New(resp.Status)
		}
		return nil
	}
	if err := post("/api/join", map[string]any{"room": "room", "pixel_ratio": 1}); err != nil {
		return "", err
	}
	key := keyOf(cookie.Value)
	for step, op := range []string{"agree", "start"} {
		if err := post("/api/click", study.Click{Op: op, Step: step}); err != nil {
			return key, err
		}
	}
	req, err := http.NewRequest("GET", url+"/sheet/2/0.png", nil)
	if err != nil {
		return key, err
	}
	req.AddCookie(cookie)
	resp, err := client.Do(req)
	if err != nil {
		return key, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil {
		return key, err
	}
	if err := post("/api/click", study.Click{Op: "drawn", Step: 2}); err != nil {
		return key, err
	}
	for position := range 50 {
		told(position, false, key)
		if err := post("/api/click", study.Click{Op: "pick", Step: 2, Position: position}); err != nil {
			return key, err
		}
		told(position, true, key)
	}
	return key, nil
}
