package study

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// looked has the pictures of a trial, of two sheets, come.
func looked(t *testing.T, b *Session, secret string, stage int) {
	t.Helper()
	for sheet := range 2 {
		if err := b.Delivered(t.Context(), secret, stage, sheet, 2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Click(t.Context(), secret, Click{Op: "drawn", Step: stage}); err != nil {
		t.Fatal(err)
	}
}

// Two tabs that send at the same moment share a commit.
func TestClicksOfOneInOneCommit(t *testing.T) {
	b, err := Open(newStudy(t), filepath.Join(t.TempDir(), "votes.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	secret, err := b.Join(t.Context(), Visitor{Browser: "test", PixelRatio: 1})
	if err != nil {
		t.Fatal(err)
	}
	for step, op := range []string{"agree", "start"} {
		if _, err := b.Click(t.Context(), secret, Click{Op: op, Step: step}); err != nil {
			t.Fatal(err)
		}
	}
	looked(t, b, secret, 2)
	if err := b.Delivered(t.Context(), secret, 3, 0, 1); !errors.Is(err, ErrNotNow) {
		t.Errorf("pictures of a trial to come: error %v", err)
	}
	var jobs []*job
	for _, c := range []Click{{Op: "pick", Step: 2, Position: 1}, {Op: "pick", Step: 2, Position: 4}, {Op: "reading", Step: 2, Value: "6"}, {Op: "submit", Step: 2}} {
		jobs = append(jobs, &job{do: func(b *Session) (change, error) { return b.apply(b.participants[0], c) }, reply: make(chan error, 1)})
	}
	b.ask(t.Context(), func(b *Session) (change, error) { b.together(jobs); return change{}, nil })
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
	if err := db.QueryRow(`SELECT count(*) FROM meta WHERE name LIKE 'pictures/%' OR name = 'version' AND value = '3'`).Scan(&marked); err != nil || marked != 4 {
		t.Errorf("%d rows of version 3, %v", marked, err)
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
	run(t, db, `UPDATE meta SET value = '4' WHERE name = 'version'`)
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
