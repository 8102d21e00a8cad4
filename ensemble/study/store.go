package study

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
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
  began TEXT NOT NULL,              -- '' until all pictures are drawn
  finished TEXT NOT NULL,           -- '' until it is handed in
  PRIMARY KEY (participant, trial)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clicks (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, participant INTEGER NOT NULL, step INTEGER NOT NULL,
  operation TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL
) STRICT;` + visitSchema

// version is that of the schema. Stores of version 1 have no rows
// "pictures/…", those of 2 no table of visits, and trials begin there before
// the pictures come; they are brought up to date when they are next served.
const version = "3"

// identity is what a store belongs to: answers to other questions, or about
// other pictures, are not mixed.
type identity struct {
	study    string            // hash of what decides the orders and what is asked
	pictures map[string]string // of each trial: hash of the samples
}

// claim makes a store that of a study, or checks that it is.
func claim(db *sql.DB, of identity) error {
	before, err := keep(db, "version", version)
	if err != nil {
		return err
	}
	if _, err := keep(db, "study", of.study); err != nil {
		return err
	}
	if err := recognise(db, of); err != nil {
		return err
	}
	for trial, hash := range of.pictures {
		if _, err := keep(db, "pictures/"+trial, hash); err != nil {
			return err
		}
	}
	if before != version {
		_, err = db.Exec(`UPDATE meta SET value = ? WHERE name = 'version'`, version)
	}
	return err
}

// recognise checks that a store is that of a study.
func recognise(db *sql.DB, of identity) error {
	got, err := stored(db, "version")
	if err != nil {
		return err
	}
	if got != version && got != "1" && got != "2" {
		return hint.With(fmt.Errorf("it has version %q, known are 1 to %s", got, version), "open it with the trustsr that made it")
	}
	const back = "put the study file and its spaces back as they were, or name another store"
	if got, err = stored(db, "study"); err != nil {
		return err
	} else if got != of.study {
		return hint.With(errors.New("another study: its orders and votes are not of this study file"), back)
	}
	for trial, hash := range of.pictures {
		if got, err = stored(db, "pictures/"+trial); err != nil {
			return err
		} else if got != "" && got != hash {
			return hint.With(fmt.Errorf("trial %q: the pictures in its space are not those that people have seen", trial), back)
		}
	}
	return nil
}

// keep stores a value unless there is one of that name, and returns what is
// stored.
func keep(db *sql.DB, name, value string) (string, error) {
	if _, err := db.Exec(`INSERT OR IGNORE INTO meta VALUES (?, ?)`, name, value); err != nil {
		return "", err
	}
	return stored(db, name)
}

// stored returns a value, "" where there is none.
func stored(db *sql.DB, name string) (value string, err error) {
	err = db.QueryRow(`SELECT value FROM meta WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, err
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

// contents is all that a store holds, but for the single clicks.
type contents struct {
	participants []*participant
	closed       bool
	last         int // number given out last, of a participant who may be gone
	withdrawn    int
	origins      map[string]int
	sent         []sentSheet
}

// load reads a store, as it is at one moment.
func load(ctx context.Context, whole *sql.DB) (*contents, error) {
	db, err := whole.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer db.Rollback()
	out := &contents{}
	if err := db.QueryRow(`SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'closed'),
		max(coalesce((SELECT max(number) FROM participants), 0), coalesce((SELECT max(participant) FROM clicks), 0),
			coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'last'), 0)),
		coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'withdrawn'), 0)`).Scan(&out.closed, &out.last, &out.withdrawn); err != nil {
		return nil, err
	}
	rows, err := db.Query(`SELECT number, key, stage, code, browser, pixel_ratio, joined FROM participants ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	byNumber := map[int]*participant{}
	for rows.Next() {
		p := &participant{answers: map[string]*answer{}}
		var joined string
		if err := rows.Scan(&p.number, &p.key, &p.stage, &p.code, &p.browser, &p.pixelRatio, &joined); err != nil {
			return nil, err
		}
		if p.joined, err = unstamp(joined); err != nil {
			return nil, err
		}
		p.seen = p.joined
		byNumber[p.number] = p
		out.participants = append(out.participants, p)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	answers, err := db.Query(`SELECT participant, trial, shown, picks, reading, none, confidence, began, finished FROM answers`)
	if err != nil {
		return nil, err
	}
	defer answers.Close()
	for answers.Next() {
		var number int
		var trial, shown, picks, began, finished string
		a := &answer{}
		if err := answers.Scan(&number, &trial, &shown, &picks, &a.reading, &a.none, &a.confidence, &began, &finished); err != nil {
			return nil, err
		}
		var errs [4]error
		errs[0] = json.Unmarshal([]byte(shown), &a.shown)
		errs[1] = json.Unmarshal([]byte(picks), &a.picks)
		a.began, errs[2] = unstamp(began)
		a.finished, errs[3] = unstamp(finished)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("answer of participant %d in trial %q: %w", number, trial, err)
		}
		p := byNumber[number]
		if p == nil {
			return nil, fmt.Errorf("an answer of participant %d, who is not there", number)
		}
		p.answers[trial] = a
	}
	if err := answers.Err(); err != nil {
		return nil, err
	}
	if out.origins, err = loadVisits(db, byNumber); err != nil {
		return nil, err
	}
	sent, err := db.Query(`SELECT participant, step, position, value FROM clicks WHERE operation = ?`, opSheet)
	if err != nil {
		return nil, err
	}
	defer sent.Close()
	for sent.Next() {
		var number, step, sheet, of int
		if err := sent.Scan(&number, &step, &sheet, &of); err != nil {
			return nil, err
		}
		out.sent = append(out.sent, sentSheet{number, step, sheet, of})
	}
	return out, sent.Err()
}

// sentSheet is a sheet of pictures that a participant got.
type sentSheet struct{ participant, stage, sheet, of int }

// save writes a participant and the answers in some trials, as they are now.
// It adds nobody under a number that is taken, moves nobody but who has that
// key, and changes no answer that was handed in.
func save(tx *sql.Tx, c *change) error {
	p := c.participant
	var err error
	if c.joined {
		_, err = tx.Exec(`INSERT INTO participants VALUES (?, ?, ?, ?, ?, ?, ?)`, p.number, p.key, p.stage, p.code, p.browser, p.pixelRatio, stamp(p.joined))
	} else {
		err = one(tx.Exec(`UPDATE participants SET stage = ? WHERE number = ? AND key = ?`, p.stage, p.number, p.key))
	}
	if err != nil {
		return fmt.Errorf("participant %d: %w", p.number, err)
	}
	for _, trial := range c.trials {
		a := p.answers[trial]
		shown, err := json.Marshal(a.shown)
		if err != nil {
			return err
		}
		picks, err := json.Marshal(append([]uint64{}, a.picks...))
		if err != nil {
			return err
		}
		if err := one(tx.Exec(`INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (participant, trial) DO UPDATE SET
			picks = excluded.picks, reading = excluded.reading, none = excluded.none, confidence = excluded.confidence, finished = excluded.finished,
			began = CASE WHEN began = '' THEN excluded.began ELSE began END
			WHERE finished = '' AND shown = excluded.shown`,
			p.number, trial, string(shown), string(picks), a.reading, a.none, a.confidence, stamp(a.began), stamp(a.finished))); err != nil {
			return fmt.Errorf("participant %d, trial %q: %w", p.number, trial, err)
		}
	}
	return nil
}

// one fails unless a statement changed one row.
func one(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("%d rows are as they should be, want 1", n), err)
	}
	return nil
}
