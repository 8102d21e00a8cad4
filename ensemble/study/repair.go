package study

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/lockfile"
)

// Repaired says what was saved of a damaged store.
type Repaired struct {
	Participants, Answers, Clicks int

	// Lost are answers that made no sense; Nameless are participants of whom
	// nothing but answers was left.
	Lost, Nameless int

	// Unread are the tables of which some rows could not be read.
	Unread []string

	Damaged string // where the damaged file is kept
}

// Repair saves all that can be read of a damaged store into a new one in its
// place, and keeps the damaged file beside it. Errors wrap [ErrServed] where a
// process serves the store and [ErrStore] where nothing can be read.
func Repair(path string) (*Repaired, error) {
	path = realPath(path)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	lock, err := lockfile.Try(path+".lock", 0o600)
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, fmt.Errorf("%s: %w", path, ErrServed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	defer lock.Release()
	// A copy is read: the damaged files stay as they are, whatever SQLite does
	// with their log.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".repair-")
	if err != nil {
		return nil, fmt.Errorf("repair: %w", err)
	}
	defer os.RemoveAll(dir)
	old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	for _, ending := range []string{"", "-wal"} {
		if err := copyFile(old+ending, path+ending); err != nil && !(ending != "" && errors.Is(err, os.ErrNotExist)) {
			return nil, fmt.Errorf("repair: %w", err)
		}
	}
	out, err := salvage(old, fresh)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	for n := 1; out.Damaged == ""; n++ {
		if name := fmt.Sprintf("%s.damaged-%d", path, n); !exists(name) {
			out.Damaged = name
		}
	}
	for _, ending := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+ending, out.Damaged+ending); err != nil && !(ending != "" && errors.Is(err, os.ErrNotExist)) {
			return nil, fmt.Errorf("repair: %w", err)
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return nil, fmt.Errorf("repair: %w; the damaged store is %s", err, out.Damaged)
	}
	return out, nil
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// salvage copies what can be read of one database into a new one.
func salvage(old, fresh string) (*Repaired, error) {
	from, err := sql.Open("sqlite", location(old))
	if err != nil {
		return nil, err
	}
	defer from.Close()
	from.SetMaxOpenConns(1)
	to, err := sql.Open("sqlite", location(fresh)+"?_pragma=journal_mode(DELETE)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	defer to.Close()
	to.SetMaxOpenConns(1)
	if err := prepareFiles(fresh); err != nil {
		return nil, err
	}
	if _, err := to.Exec(schema); err != nil {
		return nil, err
	}
	tx, err := to.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	out := &Repaired{}
	put := func(statement string) func(row []any) error {
		return func(row []any) error { _, err := tx.Exec(statement, row...); return err }
	}
	unread := func(table string, whole bool, err error) error {
		if !whole {
			out.Unread = append(out.Unread, table)
		}
		return err
	}
	_, whole, err := rowsOf(from, "meta", "name, value", put(`INSERT OR IGNORE INTO meta VALUES (?, ?)`))
	if err := unread("meta", whole, err); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(`INSERT OR IGNORE INTO meta VALUES ('version', ?)`, version); err != nil {
		return nil, err
	}
	out.Participants, whole, err = rowsOf(from, "participants", "number, key, stage, code, browser, pixel_ratio, joined", put(`INSERT OR IGNORE INTO participants VALUES (?, ?, ?, ?, ?, ?, ?)`))
	if err := unread("participants", whole, err); err != nil {
		return nil, err
	}
	out.Clicks, whole, err = rowsOf(from, "clicks", "id, at, participant, step, operation, position, value", put(`INSERT OR IGNORE INTO clicks VALUES (?, ?, ?, ?, ?, ?, ?)`))
	if err := unread("clicks", whole, err); err != nil {
		return nil, err
	}
	if err := out.answers(from, tx); err != nil {
		return nil, err
	}
	if out.Participants+out.Answers+out.Clicks == 0 && len(out.Unread) > 0 {
		return nil, errors.New("nothing can be read of it")
	}
	return out, tx.Commit()
}

// answers saves the answers, which are looked up by participant.
func (r *Repaired) answers(from *sql.DB, tx *sql.Tx) error {
	var last int
	if err := tx.QueryRow(`SELECT max(coalesce((SELECT max(number) FROM participants), 0), coalesce((SELECT max(participant) FROM clicks), 0))`).Scan(&last); err != nil {
		return err
	}
	whole := true
	for number := 1; number <= last+1000 && number <= MaxParticipants*10; number++ { // some beyond those that are known
		rows, err := from.Query(`SELECT trial, shown, picks, reading, none, confidence, began, finished FROM answers WHERE participant = ?`, number)
		if err != nil {
			whole = false
			continue
		}
		for rows.Next() {
			var trial, shown, picks, reading, began, finished string
			var none, confidence int
			if err := rows.Scan(&trial, &shown, &picks, &reading, &none, &confidence, &began, &finished); err != nil {
				r.Lost++
				continue
			}
			var list []uint64
			_, a := unstamp(began)
			_, b := unstamp(finished)
			if errors.Join(json.Unmarshal([]byte(shown), &list), json.Unmarshal([]byte(picks), &list), a, b) != nil {
				r.Lost++
				continue
			}
			known, err := tx.Exec(`INSERT OR IGNORE INTO participants VALUES (?, ?, 0, '', '', 0, ?)`, number, "lost "+rand.Text(), began)
			if err != nil {
				return err
			}
			if n, err := known.RowsAffected(); err != nil {
				return err
			} else if n == 1 {
				r.Nameless++
			}
			if _, err := tx.Exec(`INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, number, trial, shown, picks, reading, none, confidence, began, finished); err != nil {
				return err
			}
			r.Answers++
		}
		if rows.Err() != nil {
			whole = false
		}
		rows.Close()
	}
	if !whole {
		r.Unread = append(r.Unread, "answers")
	}
	return nil
}

// rowsOf gives all rows of a table that can be read: from the first on as far
// as it goes, from the last back, and between these one by one. whole is false
// where something could not be read.
func rowsOf(db *sql.DB, table, columns string, put func(row []any) error) (n int, whole bool, err error) {
	read := func(where string, argument any) (last int64, failed bool, err error) {
		rows, err := db.Query(`SELECT rowid, `+columns+` FROM `+table+` `+where, argument)
		if err != nil {
			return 0, true, nil
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			return 0, true, nil
		}
		for rows.Next() {
			row := make([]any, len(names))
			to := make([]any, len(names))
			for i := range row {
				to[i] = &row[i]
			}
			if rows.Scan(to...) != nil {
				return last, true, nil
			}
			id, ok := row[0].(int64)
			if !ok {
				return last, true, nil
			}
			last = id
			if err := put(row[1:]); err != nil {
				return last, false, err
			}
			n++
		}
		return last, rows.Err() != nil, nil
	}
	up, failed, err := read(`WHERE rowid > ? ORDER BY rowid`, int64(-1<<62))
	if err != nil || !failed {
		return n, !failed, err
	}
	down, _, err := read(`WHERE rowid > ? ORDER BY rowid DESC`, up)
	if err != nil {
		return n, false, err
	}
	for id := up + 1; id < down && id < up+1_000_000; id++ {
		if _, _, err := read(`WHERE rowid = ?`, id); err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
