package study

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"github.com/trustsr/trustsr/srspace"
)

// ErrStore is what errors about a store wrap that is of another study or
// broken.
var ErrStore = errors.New("unusable store")

// schema has one row a participant, one row an answer with its present
// state, and every click as it came.
const schema = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS participants (
  number INTEGER PRIMARY KEY,       -- 1, 2, …
  key    TEXT NOT NULL UNIQUE,      -- SHA-256 of the secret in the browser's cookie
  stage  INTEGER NOT NULL,          -- 0 consent, 1 instructions, 2+i trial i
  code   TEXT NOT NULL,             -- shown at the end
  browser TEXT NOT NULL, pixel_ratio REAL NOT NULL, joined TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
  participant INTEGER NOT NULL REFERENCES participants(number),
  trial       TEXT NOT NULL,
  shown       TEXT NOT NULL,        -- JSON list of samples, in the order shown
  picks       TEXT NOT NULL,        -- JSON list of samples, in the order picked
  reading     TEXT NOT NULL, none INTEGER NOT NULL, confidence INTEGER NOT NULL,
  began TEXT NOT NULL, finished TEXT NOT NULL, -- finished is '' until it is handed in
  PRIMARY KEY (participant, trial)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clicks (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, participant INTEGER NOT NULL, step INTEGER NOT NULL,
  operation TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL
) STRICT;`

// version is that of the schema.
const version = "1"

// openStore opens or makes the database file. Every commit is on the disk
// when it returns (WAL with synchronous FULL).
func openStore(path, fingerprint string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	db.SetMaxOpenConns(1) // one writer, and what it reads
	if _, err := db.Exec(schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	for name, want := range map[string]string{"version": version, "study": fingerprint} {
		got, err := keep(db, name, want)
		if err == nil && got != want {
			err = srspace.WithHint(fmt.Errorf("another %s: its orders and votes are not of this study file", name),
				"put the study file and its spaces back as they were, or name another store with --store")
		}
		if err != nil {
			db.Close()
			return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
		}
	}
	return db, nil
}

// keep stores a value unless there is one of that name, and returns what is
// stored.
func keep(db *sql.DB, name, value string) (stored string, err error) {
	if _, err := db.Exec(`INSERT OR IGNORE INTO meta VALUES (?, ?)`, name, value); err != nil {
		return "", err
	}
	err = db.QueryRow(`SELECT value FROM meta WHERE name = ?`, name).Scan(&stored)
	return stored, err
}

// timeForm is RFC 3339 with microseconds, which sorts as text.
const timeForm = "2006-01-02T15:04:05.000000Z07:00"

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeForm)
}

func unstamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeForm, s)
}

// load reads all participants with their answers.
func load(db *sql.DB) (all []*participant, closed bool, err error) {
	var text string
	switch err := db.QueryRow(`SELECT value FROM meta WHERE name = 'closed'`).Scan(&text); {
	case err == nil:
		closed = true
	case !errors.Is(err, sql.ErrNoRows):
		return nil, false, err
	}
	rows, err := db.Query(`SELECT number, key, stage, code, browser, pixel_ratio, joined FROM participants ORDER BY number`)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	byNumber := map[int]*participant{}
	for rows.Next() {
		p := &participant{answers: map[string]*answer{}}
		var joined string
		if err := rows.Scan(&p.number, &p.key, &p.stage, &p.code, &p.browser, &p.pixelRatio, &joined); err != nil {
			return nil, false, err
		}
		if p.joined, err = unstamp(joined); err != nil {
			return nil, false, err
		}
		byNumber[p.number] = p
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	answers, err := db.Query(`SELECT participant, trial, shown, picks, reading, none, confidence, began, finished FROM answers`)
	if err != nil {
		return nil, false, err
	}
	defer answers.Close()
	for answers.Next() {
		var number int
		var trial, shown, picks, began, finished string
		a := &answer{}
		if err := answers.Scan(&number, &trial, &shown, &picks, &a.reading, &a.none, &a.confidence, &began, &finished); err != nil {
			return nil, false, err
		}
		var errs [4]error
		errs[0] = json.Unmarshal([]byte(shown), &a.shown)
		errs[1] = json.Unmarshal([]byte(picks), &a.picks)
		a.began, errs[2] = unstamp(began)
		a.finished, errs[3] = unstamp(finished)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, false, fmt.Errorf("answer of participant %d in trial %q: %w", number, trial, err)
		}
		byNumber[number].answers[trial] = a
	}
	return all, closed, answers.Err()
}

// save writes a participant and the answers in some trials, as they are now.
func save(tx *sql.Tx, p *participant, trials []string) error {
	if _, err := tx.Exec(`INSERT INTO participants VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET stage = excluded.stage`,
		p.number, p.key, p.stage, p.code, p.browser, p.pixelRatio, stamp(p.joined)); err != nil {
		return err
	}
	for _, trial := range trials {
		a := p.answers[trial]
		shown, err := json.Marshal(a.shown)
		if err != nil {
			return err
		}
		picks, err := json.Marshal(append([]uint64{}, a.picks...))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (participant, trial) DO UPDATE SET
			picks = excluded.picks, reading = excluded.reading, none = excluded.none, confidence = excluded.confidence, finished = excluded.finished`,
			p.number, trial, string(shown), string(picks), a.reading, a.none, a.confidence, stamp(a.began), stamp(a.finished)); err != nil {
			return err
		}
	}
	return nil
}
