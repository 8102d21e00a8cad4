package study

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrCode is what errors about a code that no participant has wrap.
var ErrCode = errors.New("no participant has this code")

// Withdraw removes all that a participant answered and clicked, for good: the
// person is named by the code that the page shows. A count of those who
// withdrew is kept. It works after the study was closed too.
func (b *Session) Withdraw(ctx context.Context, code string) error {
	code = strings.ToUpper(strings.TrimSpace(code))
	return b.ask(ctx, func(b *Session) (change, error) {
		i := slices.IndexFunc(b.participants, func(p *participant) bool { return code != "" && p.code == code })
		if i < 0 {
			return change{}, ErrCode
		}
		p := b.participants[i]
		b.participants = slices.Delete(slices.Clone(b.participants), i, i+1)
		delete(b.byKey, p.key)
		b.withdrawn++
		return change{withdrawn: p}, nil
	})
}

// Withdrawn is how many participants withdrew.
func (b *Session) Withdrawn(ctx context.Context) (n int, err error) {
	err = b.ask(ctx, func(b *Session) (change, error) {
		n = b.withdrawn
		return change{}, nil
	})
	return n, err
}

// removeAnswers deletes a participant, and keeps the number from being given
// out again.
func removeAnswers(tx *sql.Tx, p *participant) error {
	for _, statement := range []string{
		`DELETE FROM answers WHERE participant = ?`, `DELETE FROM clicks WHERE participant = ?`,
		`DELETE FROM visits WHERE participant = ?`, `DELETE FROM participants WHERE number = ?`,
		`INSERT INTO meta VALUES ('last', ?) ON CONFLICT (name) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))`,
	} {
		if _, err := tx.Exec(statement, p.number); err != nil {
			return fmt.Errorf("withdraw participant %d: %w", p.number, err)
		}
	}
	_, err := tx.Exec(`INSERT INTO meta VALUES ('withdrawn', '1') ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1`)
	return err
}

// forget takes what was deleted out of the log of commits too. Pages of the
// file itself are overwritten with zeros as they are freed (secure_delete).
func (b *Session) forget(errs []error) {
	var busy, pages, done int
	err := b.db.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &done)
	if err == nil && busy != 0 {
		err = errors.New("somebody reads the store")
	}
	if err == nil {
		return
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = fmt.Errorf("the answers are removed, but still stand in the store's log, until it is next closed: %w", err)
		}
	}
}

// dropIdle deletes a participant who handed in nothing.
func dropIdle(tx *sql.Tx, p *participant) error {
	if _, err := tx.Exec(`DELETE FROM answers WHERE participant = ? AND finished = ''`, p.number); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM visits WHERE participant = ?`, p.number); err != nil {
		return err
	}
	return one(tx.Exec(`DELETE FROM participants WHERE number = ? AND key = ? AND NOT EXISTS (SELECT 1 FROM answers WHERE participant = number)`, p.number, p.key))
}
