package study

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// fill makes a store in which people have answered the training and the first
// trial, and returns how many ballots it holds.
func fill(t *testing.T, s *Study, store string, people int) int {
	t.Helper()
	b, err := Open(s, store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for range people {
		secret, err := b.Join(t.Context(), Visitor{Browser: "test", PixelRatio: 1})
		if err != nil {
			t.Fatal(err)
		}
		click := func(c Click) {
			t.Helper()
			if _, err := b.Click(t.Context(), secret, c); err != nil {
				t.Fatal(c, err)
			}
		}
		click(Click{Op: "agree"})
		click(Click{Op: "start", Step: 1})
		for stage := 2; stage < 4; stage++ {
			looked(t, b, secret, stage)
			click(Click{Op: "pick", Step: stage, Position: 1})
			click(Click{Op: "pick", Step: stage, Position: 2})
			click(Click{Op: "reading", Step: stage, Value: "5"})
			click(Click{Op: "submit", Step: stage})
		}
	}
	ballots, err := b.Ballots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(ballots)
}

// What other accounts of a machine may do with a store is nothing, whatever
// the umask, and also with one that an earlier version left open.
func TestStoreIsPrivate(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	private := func(when string, b *Session) {
		t.Helper()
		for _, ending := range []string{"", "-wal", "-shm", ".lock"} {
			info, err := os.Stat(store + ending)
			if err != nil {
				t.Errorf("%s: %v", when, err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%s: votes.db%s has permissions %v", when, ending, info.Mode().Perm())
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	b, err := Open(s, store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	private("a new store", b)
	for _, name := range []string{store, store + ".lock"} {
		if err := os.Chmod(name, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = Open(s, store, Options{}); err != nil {
		t.Fatal(err)
	}
	private("an earlier store", b)
}

// An empty file is no study without votes: the votes may have been in it.
func TestEmptyStore(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, store, Options{}); !errors.Is(err, ErrStore) || !strings.Contains(err.Error(), "empty") || hint.Of(err) == "" {
		t.Errorf("to serve: error %v, hint %q", err, hint.Of(err))
	}
	if _, err := Read(s, store); !errors.Is(err, ErrStore) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("to read: error %v", err)
	}
}

// A participant whose answer to the present trial is lost continues with the
// same pictures in the same order.
func TestLostAnswer(t *testing.T) {
	s := newStudy(t)
	store := filepath.Join(t.TempDir(), "votes.db")
	b, err := Open(s, store, Options{})
	if err != nil {
		t.Fatal(err)
	}
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
	before, err := b.State(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	run(t, aside(t, store), `DELETE FROM answers`)
	if b, err = Open(s, store, Options{}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	after, err := b.State(t.Context(), secret)
	if err != nil || len(after.Answer.Shown) != 5 || after.Answer.Drawn {
		t.Fatalf("%+v, error %v", after, err)
	}
	for i, sample := range after.Answer.Shown {
		if sample != before.Answer.Shown[i] {
			t.Fatalf("shown %v, before %v", after.Answer.Shown, before.Answer.Shown)
		}
	}
	if _, err := b.Click(t.Context(), secret, Click{Op: "drawn", Step: 2}); err != nil {
		t.Error(err)
	}
	if _, err := b.Click(t.Context(), secret, Click{Op: "pick", Step: 2, Position: 1}); err != nil {
		t.Error(err)
	}
}

// A fault of the program in one request ends that request alone.
func TestFaultEndsNoStudy(t *testing.T) {
	b, err := Open(newStudy(t), filepath.Join(t.TempDir(), "votes.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.ask(t.Context(), func(*Session) (change, error) { panic("no") }); err == nil || !strings.Contains(err.Error(), "a fault of the program: no") {
		t.Errorf("error %v", err)
	}
	if _, err := b.Join(t.Context(), Visitor{Browser: "test", PixelRatio: 1}); err != nil {
		t.Error("after a fault:", err)
	}
}

// A damaged store is refused with advice, and what is readable of it is saved.
func TestRepair(t *testing.T) {
	s := newStudy(t)
	dir := t.TempDir()
	store := filepath.Join(dir, "votes.db")
	const people = 30
	ballots := fill(t, s, store, people)
	whole, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}

	// Nothing is lost of a store that is whole.
	saved, err := Repair(store)
	if err != nil || saved.Participants != people || saved.Answers != 3*people || len(saved.Unread) > 0 || saved.Lost+saved.Nameless > 0 {
		t.Fatalf("of a whole store %+v is saved, error %v", saved, err)
	}
	if again, err := os.ReadFile(saved.Damaged); err != nil || string(again) != string(whole) {
		t.Errorf("the file is not kept as it was: error %v", err)
	}
	count := func() int {
		t.Helper()
		b, err := Open(s, store, Options{})
		if err != nil {
			t.Fatal(err, hint.Of(err))
		}
		defer b.Close()
		got, err := b.Ballots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	if n := count(); n != ballots {
		t.Errorf("%d ballots of a whole store, want %d", n, ballots)
	}

	// Pages are overwritten, one after the other: each time the store is
	// refused, or opens with all ballots, and what is saved opens.
	refused, kept := 0, 0
	for page := 2; page*4096 < len(whole); page += 4 {
		broken := append([]byte{}, whole...)
		for i := range 4096 {
			broken[page*4096+i] = 0xa5
		}
		if err := os.WriteFile(store, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Open(s, store, Options{})
		if err == nil {
			b.Close()
			continue
		}
		refused++
		var damaged *DamagedError
		if !errors.Is(err, ErrStore) || !errors.As(err, &damaged) {
			t.Fatalf("page %d: error %v", page, err)
		}
		if saved, err = Repair(store); err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
		n := count()
		if n < ballots && len(saved.Unread) == 0 && saved.Lost == 0 {
			t.Errorf("page %d: %d of %d ballots, and nothing is said to be lost: %+v", page, n, ballots, saved)
		}
		kept += n
	}
	if refused < 3 || kept < refused*ballots/2 {
		t.Errorf("%d stores refused, %d of %d ballots saved", refused, kept, refused*ballots)
	}

	// A cell that makes no sense.
	if err := os.WriteFile(store, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	db := aside(t, store)
	run(t, db, `UPDATE answers SET picks = 'x' WHERE participant = 3 AND trial = 'one'`)
	run(t, db, `PRAGMA foreign_keys = 0; DELETE FROM participants WHERE number = 7`)
	db.Close()
	var damaged *DamagedError
	if _, err := Open(s, store, Options{}); !errors.Is(err, ErrStore) || !errors.As(err, &damaged) {
		t.Errorf("nonsense: error %v", err)
	}
	if saved, err = Repair(store); err != nil || saved.Lost != 1 || saved.Nameless != 1 {
		t.Errorf("nonsense: %+v, error %v", saved, err)
	}
	if n := count(); n != ballots-1 {
		t.Errorf("%d ballots, want all %d but one", n, ballots)
	}
	if err := os.WriteFile(store, []byte("SQLite format 3\x00 and nothing more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(store); !errors.Is(err, ErrStore) {
		t.Errorf("of nothing: error %v", err)
	}
}
