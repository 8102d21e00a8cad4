package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// seedsAfter plays changes on an empty list with a cap of three.
func seedsAfter(t *testing.T, changes ...func(*pickList) error) *pickList {
	t.Helper()
	l := &pickList{Name: "five", Cap: 3}
	for _, change := range changes {
		if err := change(l); err != nil {
			t.Fatal(err)
		}
		l.Revision++
	}
	return l
}

func picking(seed uint64, by string) func(*pickList) error {
	return func(l *pickList) error { return l.pick(pick{Seed: seed}, by) }
}

func unpicking(seed uint64) func(*pickList) error {
	return func(l *pickList) error { l.unpick(seed); return nil }
}

func undoing(l *pickList) error  { return l.undo(l.Revision) }
func clearing(l *pickList) error { l.clear(); return nil }
func standingIn(l *pickList) error {
	l.replace(wire.ByStandIn, []pick{{Seed: 7}, {Seed: 8}, {Seed: 9}})
	return nil
}

func TestPickList(t *testing.T) {
	person := wire.ByPerson
	for name, test := range map[string]struct {
		changes []func(*pickList) error
		want    []uint64
		by      string
	}{
		"order of picks":            {[]func(*pickList) error{picking(5, person), picking(2, person)}, []uint64{5, 2}, person},
		"a repeated pick":           {[]func(*pickList) error{picking(5, person), picking(5, person)}, []uint64{5}, person},
		"taken back":                {[]func(*pickList) error{picking(5, person), picking(2, person), unpicking(5)}, []uint64{2}, person},
		"taken back twice":          {[]func(*pickList) error{picking(5, person), unpicking(5), unpicking(5)}, []uint64{}, ""},
		"undo a pick":               {[]func(*pickList) error{picking(5, person), picking(2, person), undoing}, []uint64{5}, person},
		"undo an unpick":            {[]func(*pickList) error{picking(5, person), picking(2, person), unpicking(5), undoing}, []uint64{5, 2}, person},
		"undo clear":                {[]func(*pickList) error{picking(5, person), clearing, undoing}, []uint64{5}, person},
		"undo nothing":              {[]func(*pickList) error{undoing}, []uint64{}, ""},
		"person replaces stand-in":  {[]func(*pickList) error{standingIn, picking(5, person)}, []uint64{5}, person},
		"same sample as stand-in":   {[]func(*pickList) error{standingIn, picking(8, person)}, []uint64{8}, person},
		"undo back to the stand-in": {[]func(*pickList) error{standingIn, picking(5, person), undoing}, []uint64{7, 8, 9}, wire.ByStandIn},
		"rest is the stand-in's":    {[]func(*pickList) error{standingIn, unpicking(8)}, []uint64{7, 9}, wire.ByStandIn},
	} {
		t.Run(name, func(t *testing.T) {
			got := seedsAfter(t, test.changes...).wire()
			if !slices.Equal(got.Seeds, test.want) || got.By != test.by {
				t.Errorf("%v by %q, want %v by %q", got.Seeds, got.By, test.want, test.by)
			}
		})
	}
	full := seedsAfter(t, picking(1, person), picking(2, person), picking(3, person))
	if err := full.pick(pick{Seed: 4}, person); err == nil {
		t.Error("a fourth of three picks was taken")
	}
	if err := full.undo(full.Revision - 1); err == nil || len(full.Picks) != 3 {
		t.Errorf("undo of an old revision: %v, %d picks", err, len(full.Picks))
	}
}

// The undo history is bounded and keeps the latest states.
func TestUndoDepth(t *testing.T) {
	l := &pickList{Cap: 3}
	for range 3 * undoDepth {
		l.pick(pick{Seed: 1}, wire.ByPerson)
		l.unpick(1)
	}
	if len(l.Undo) != undoDepth || len(l.Undo[undoDepth-1].Picks) != 1 {
		t.Errorf("%d states, the last with %d picks", len(l.Undo), len(l.Undo[undoDepth-1].Picks))
	}
}

// Changes from many places at once are all kept.
func TestEditPicksTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := editPicks(dir, "s", "many", func(l *pickList) error {
				l.Cap = 20
				return l.pick(pick{Seed: uint64(i), At: time.Now()}, wire.ByPerson)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := loadPicks(dir, "s", "many")
	if err != nil || len(list.Seeds) != 20 || list.Revision != 20 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A damaged list is reported and left as it is.
func TestDamagedPicks(t *testing.T) {
	for name, content := range map[string]string{
		"cut":          `{"space":"s","name":"five","cap":5,"picks":[{"se`,
		"empty":        ``,
		"over its cap": `{"cap":1,"picks":[{"seed":1},{"seed":2}]}`,
		"no cap":       `{"cap":0,"picks":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "picks", "five.json")
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := editPicks(dir, "s", "five", picking(1, wire.ByPerson)); err == nil {
				t.Error("accepted")
			}
			if now, _ := os.ReadFile(path); string(now) != content {
				t.Errorf("changed to %q", now)
			}
		})
	}
}

// Reading a list waits for nobody who changes it, and leaves nothing behind.
func TestReadingPicksTakesNoLock(t *testing.T) {
	dir := t.TempDir()
	list, err := loadPicks(dir, "s", "five")
	if err != nil || len(list.Seeds) != 0 || list.Cap != defaultCap {
		t.Errorf("a list that does not exist: %+v, %v", list, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("reading made %v", left)
	}
	add := func(seed uint64) func(*pickList) error {
		return func(l *pickList) error { return l.pick(pick{Seed: seed}, wire.ByPerson) }
	}
	if _, err := editPicks(dir, "s", "five", add(7)); err != nil {
		t.Fatal(err)
	}
	_, err = editPicks(dir, "s", "five", func(l *pickList) error {
		read := make(chan error, 1)
		go func() {
			list, err := loadPicks(dir, "s", "five")
			if err == nil && !slices.Equal(list.Seeds, []uint64{7}) {
				err = fmt.Errorf("read %v", list.Seeds)
			}
			read <- err
		}()
		select {
		case err := <-read:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("reading waits for a change")
		}
		return add(8)(l)
	})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := loadPicks(dir, "s", "five"); err != nil || !slices.Equal(list.Seeds, []uint64{7, 8}) {
		t.Errorf("after the change: %+v, %v", list, err)
	}
	if _, err := loadPicks(dir, "s", "../five"); err == nil {
		t.Error("a name that leaves the folder is read")
	}
}
