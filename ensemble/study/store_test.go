package study

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

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// aside opens a store as a program would that knows nothing of its lock.
func aside(t *testing.T, store string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", location(store)+"?_pragma=busy_timeout(5000)")
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
	makeSpace(t, filepath.Join(dir, "space"), 10, 8, 0)
	file := filepath.Join(dir, "study.yaml")
	text := "title: t\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\ntrials: [{name: a, space: space, samples: 10}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	first := startProcess(t, file)
	person := newBrowser(t, first.url())
	person.do(click{Op: "agree"}, click{Op: "start"}, click{Op: "pick", Position: 3}, click{Op: "pick", Position: 1}, click{Op: "reading", Value: "5"}, click{Op: "submit"})

	second := exec.Command(os.Args[0])
	second.Env = append(os.Environ(), envServe+"="+file+"\n"+first.store+"\n127.0.0.1:0")
	ended := make(chan struct{})
	watch := time.AfterFunc(time.Minute, func() { second.Process.Kill() })
	var out []byte
	go func() { out, _ = second.CombinedOutput(); close(ended) }()
	<-ended
	if !watch.Stop() || second.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), ErrServed.Error()) {
		t.Fatalf("the second process: %v: %s", second.ProcessState, out)
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, first.store, Options{}); !errors.Is(err, ErrServed) || hint.Of(err) == "" {
		t.Errorf("opened beside the server: %v", err)
	}
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(first.store, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, link, Options{}); !errors.Is(err, ErrServed) {
		t.Errorf("opened by another name: %v", err)
	}
	v, err := Read(s, first.store)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if ballots, err := v.Ballots(t.Context()); err != nil || len(ballots) != 1 || ballots[0].Reading != "5" {
		t.Errorf("read beside the server: %v, %v", ballots, err)
	}
	newBrowser(t, first.url()).do(click{Op: "agree"}, click{Op: "start"}, click{Op: "none", Number: 1}, click{Op: "submit"})
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
	b.do(click{Op: "agree"}, click{Op: "start"}, click{Op: "pick", Position: 2})
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

// Two tabs that send at the same moment share a commit.
func TestClicksOfOneInOneCommit(t *testing.T) {
	s := newStudy(t)
	v, url := serve(t, s, filepath.Join(t.TempDir(), "votes.db"), io.Discard)
	newBrowser(t, url).do(click{Op: "agree"}, click{Op: "start"})
	var jobs []*job
	for _, c := range []click{{Op: "pick", Step: 2, Position: 1}, {Op: "pick", Step: 2, Position: 4}, {Op: "reading", Step: 2, Value: "6"}, {Op: "submit", Step: 2}, {Op: "pick", Step: 3, Position: 0}} {
		jobs = append(jobs, &job{do: func(b *book) (change, error) { return b.apply(b.participants[0], c) }, reply: make(chan error, 1)})
	}
	v.book.ask(t.Context(), func(b *book) (change, error) { b.together(jobs); return change{}, nil })
	for i, j := range jobs {
		if err := <-j.reply; err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// A store that an earlier version made opens and is marked with its pictures;
// one of a later version, and one whose pictures were replaced, do not open.
func TestStoreVersions(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes #1.db")
	open := func() error {
		v, err := Open(s, store, Options{})
		if err == nil {
			err = v.Close()
		}
		return err
	}
	read := func() error {
		v, err := Read(s, store)
		if err == nil {
			err = v.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	db := aside(t, store)
	run(t, db, `DELETE FROM meta WHERE name LIKE 'pictures/%' OR name = 'cookie'`)
	run(t, db, `UPDATE meta SET value = '1' WHERE name = 'version'`)
	if err := read(); err != nil {
		t.Error("version 1, to read:", err)
	}
	if err := open(); err != nil {
		t.Error("version 1, to serve:", err)
	}
	var marked int
	if err := db.QueryRow(`SELECT count(*) FROM meta WHERE name LIKE 'pictures/%' OR name = 'version' AND value = '2'`).Scan(&marked); err != nil || marked != 4 {
		t.Errorf("%d rows of version 2, %v", marked, err)
	}
	img := filepath.Join(s.SpacePath(s.Trials[1]), "777003.png")
	before, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	if err := picture.NewImage(120, 120).WritePNG(img); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"serve": open(), "read": read()} {
		if !errors.Is(err, ErrStore) || hint.Of(err) == "" || !strings.Contains(err.Error(), `"two"`) {
			t.Errorf("%s with a replaced picture: %v", name, err)
		}
	}
	if err := os.WriteFile(img, before, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(open(), read()); err != nil {
		t.Error("with the picture put back:", err)
	}
	run(t, db, `UPDATE meta SET value = '3' WHERE name = 'version'`)
	for name, err := range map[string]error{"serve": open(), "read": read()} {
		if !errors.Is(err, ErrStore) || hint.Of(err) == "" {
			t.Errorf("%s a later version: %v", name, err)
		}
	}
}

// Where the files that SQLite reads by cannot be made, as on a medium that is
// read only, a closed store is read all the same.
func TestReadWhereNothingCanBeWritten(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	v, err := Open(s, store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	if err := os.Mkdir(store+"-shm", 0o777); err != nil {
		t.Fatal(err)
	}
	r, err := Read(s, store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Ballots(t.Context()); err != nil {
		t.Error(err)
	}
	r.Close()
}
