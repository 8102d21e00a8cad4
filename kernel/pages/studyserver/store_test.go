package studyserver

import (
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/ensemble/study/studytest"
	"github.com/trustsr/trustsr/internal/hint"
)

// aside opens a store as a program would that knows nothing of its lock.
func aside(t *testing.T, store string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+store+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// A second process that would serve a store is refused while the first runs,
// and only then; reading goes on beside it and sees what is handed in.
func TestOneProcessServes(t *testing.T) {
	dir := t.TempDir()
	studytest.MakeSpace(t, filepath.Join(dir, "space"), 10, 8, 0)
	file := filepath.Join(dir, "study.yaml")
	text := "title: t\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\ntrials: [{name: a, space: space, samples: 10}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	first := startProcess(t, file)
	person := newBrowser(t, first.url())
	person.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 3}, study.Click{Op: "pick", Position: 1}, study.Click{Op: "reading", Value: "5"}, study.Click{Op: "submit"})

	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), envServe+"="+file+"\n"+first.store+"\n127.0.0.1:0")
	ended := make(chan struct{})
	watch := time.AfterFunc(time.Minute, func() { second.Process.Kill() })
	var out []byte
	go func() { out, _ = second.CombinedOutput(); close(ended) }()
	<-ended
	if !watch.Stop() || second.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), study.ErrServed.Error()) {
		t.Fatalf("the second process: %v: %s", second.ProcessState, out)
	}
	s, err := study.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, first.store, Options{}); !errors.Is(err, study.ErrServed) || hint.Of(err) == "" {
		t.Errorf("opened beside the server: %v", err)
	}
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(first.store, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, link, Options{}); !errors.Is(err, study.ErrServed) {
		t.Errorf("opened by another name: %v", err)
	}
	v, err := study.Read(s, first.store)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if ballots, err := v.Ballots(t.Context()); err != nil || len(ballots) != 1 || ballots[0].Reading != "5" {
		t.Errorf("read beside the server: %v, %v", ballots, err)
	}
	newBrowser(t, first.url()).do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "none", Number: 1}, study.Click{Op: "submit"})
	if ballots, err := v.Ballots(t.Context()); err != nil || len(ballots) != 2 {
		t.Errorf("read later: %v, %v", ballots, err)
	}
	first.kill()
	again, err := Open(s, first.store, Options{})
	if err != nil {
		t.Fatal("after the server was killed:", err)
	}
	again.Close()
}

// What a server has in memory never replaces what the store holds: not a
// participant, not an answer that is handed in, not the close.
func TestTheStoreHasTheLastWord(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	v, url := serve(t, s, store, io.Discard)
	db := aside(t, store)
	run(t, db, `INSERT INTO participants VALUES (1, 'somebody else', 5, 'code', '', 1, '2026-01-01T00:00:00.000000Z')`)
	b := &browser{t: t, url: url, Client: &http.Client{}}
	if status, _ := b.call("POST", "/api/join", `{"room": "room", "pixel_ratio": 1}`); status != http.StatusInternalServerError {
		t.Errorf("joining under a number that is taken: %d", status)
	}
	var key string
	if err := db.QueryRow(`SELECT key FROM participants WHERE number = 1`).Scan(&key); err != nil || key != "somebody else" {
		t.Fatalf("participant 1 is %q, %v", key, err)
	}
	b = newBrowser(t, url) // the server has read the store again
	b.do(study.Click{Op: "agree"}, study.Click{Op: "start"}, study.Click{Op: "pick", Position: 2})
	run(t, db, `UPDATE answers SET finished = '2099-01-01T00:00:00.000000Z', picks = '[900]'`)
	if status, _ := b.call("POST", "/api/click", `{"op":"pick","step":2,"position":3}`); status != http.StatusInternalServerError {
		t.Errorf("a pick in an answer that is handed in: %d", status)
	}
	var picks string
	if err := db.QueryRow(`SELECT picks FROM answers`).Scan(&picks); err != nil || picks != "[900]" {
		t.Errorf("the answer is now %s, %v", picks, err)
	}
	run(t, db, `INSERT INTO meta VALUES ('closed', '2026-01-01T00:00:00.000000Z')`)
	if status, _ := b.call("POST", "/api/click", `{"op":"reading","step":2,"value":"5"}`); status != http.StatusGone {
		t.Errorf("a click after the close: %d", status)
	}
	if got := b.state(); !got.Done {
		t.Error("the server has not noticed the close")
	}
	if ballots, err := v.Ballots(t.Context()); err != nil || len(ballots) != 0 {
		t.Errorf("%v, %v", ballots, err)
	}
}
