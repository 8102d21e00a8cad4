package study

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/lockfile"

	_ "modernc.org/sqlite"
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
	lock, err := lockfile.Try(path+".lock", 0o666)
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
	db, err := sql.Open("sqlite", location(path)+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	db.SetMaxOpenConns(1) // one writer, and what it reads
	if _, err = db.Exec(schema); err == nil {
		err = claim(db, of)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrStore, path, err)
	}
	return &store{db, lock}, nil
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
