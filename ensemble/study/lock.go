package study

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/lockfile"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// the driver "sqlite", without cgo

// ErrServed is what errors wrap about a store that another process serves.
var ErrServed = errors.New("another process serves this store")

// store is a database that this process alone writes: a server answers from
// memory, so that two on one store would hand out one number twice.
type store struct {
	*sql.DB
	lock *lockfile.Lock
}

// openStore opens or makes the database file, locked for this process. Every
// commit is on the disk when it returns (WAL with synchronous FULL).
func openStore(path string, of identity) (_ *store, err error) {
	path = realPath(path) // one lock, by whatever name
	lock, err := lockfile.Try(path+".lock", 0o600)
	switch {
	case errors.Is(err, lockfile.ErrHeld):
		return nil, hint.With(fmt.Errorf("%s: %w", path, ErrServed), "use its pages (the organiser's closes the study), or stop it first; reports can be written meanwhile")
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	defer func() {
		if err != nil {
			lock.Release()
		}
	}()
	if err := prepareFiles(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	db, err := sql.Open("sqlite", location(path)+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	db.SetMaxOpenConns(1) // one writer, and what it reads
	if err = intact(db); err == nil {
		if _, err = db.Exec(schema); err == nil {
			err = claim(db, of)
		}
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	return &store{db, lock}, nil
}

// prepareFiles makes the store's file, or checks it, and keeps it and the files
// beside it from other accounts whatever the umask: they hold what people
// answered, and the organiser's token. SQLite gives its log the permissions of
// the file.
func prepareFiles(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	case info.Size() == 0 && !fileHasData(path+"-wal"):
		return hint.With(fmt.Errorf("%s is empty: no votes are in it", path), "if none should be, remove it and a new store is made; else put a copy of the store there")
	}
	for _, ending := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + ending)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if err := os.Chmod(path+ending, 0o600); err != nil {
			return hint.With(err, "other accounts of this machine can read the votes; have the file's owner serve the study")
		}
	}
	return nil
}

func fileHasData(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// intact checks that the pages of the database hang together.
func intact(db *sql.DB) error {
	rows, err := db.Query(`PRAGMA quick_check(3)`)
	if err != nil {
		return damaged(err)
	}
	defer rows.Close()
	var faults []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return damaged(err)
		}
		if line != "ok" {
			faults = append(faults, line)
		}
	}
	if err := rows.Err(); err != nil {
		return damaged(err)
	}
	if len(faults) > 0 {
		return damaged(errors.New(strings.Join(faults, "; ")))
	}
	return nil
}

// damaged gives the error of a file that cannot be read its kind.
func damaged(err error) error { return &DamagedError{err} }

// diskError wraps [ErrDisk] where there is no room for what was to be stored.
func diskError(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_FULL {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return err
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// location is a path as SQLite's driver takes it, with options to follow.
func location(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// Close closes the database, then lets others have it.
func (s *store) Close() error {
	return errors.Join(s.DB.Close(), s.lock.Release())
}

// readStore opens a database file that is there to read it, beside a server or
// without one.
func readStore(path string, of identity) (*sql.DB, error) {
	path = realPath(path)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 && !fileHasData(path+"-wal") {
		return nil, fmt.Errorf("%w: %s is empty: no votes are in it", ErrStore, path)
	}
	open := func(mode string) (*sql.DB, error) {
		db, err := sql.Open("sqlite", location(path)+"?"+mode+"&_pragma=busy_timeout(5000)")
		if err != nil {
			return nil, err
		}
		if _, err := stored(db, "version"); err != nil {
			db.Close()
			return nil, err
		}
		return db, nil
	}
	db, err := open("mode=ro")
	if err != nil {
		// Reading takes two files beside the database. Where they cannot be
		// made nobody writes either, and all is in the one file if the log of
		// commits is gone.
		if log, none := os.Stat(path + "-wal"); none != nil || log.Size() == 0 {
			if still, again := open("immutable=1"); again == nil {
				db, err = still, nil
			}
		}
	}
	if err == nil {
		if err = recognise(db, of); err == nil {
			return db, nil
		}
		db.Close()
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
}
