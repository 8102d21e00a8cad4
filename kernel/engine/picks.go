package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/lockfile"
	"github.com/trustsr/trustsr/kernel/wire"
)

// undoDepth is how many changes of a list can be taken back.
const undoDepth = 200

// standInNote is shown wherever picks of the stand-in are.
const standInNote = "picked by the stand-in, not by a person"

// pickList is a named list of chosen samples as it lies on disk, in
// <space>/picks/<name>.json.
type pickList struct {
	Space    string `json:"space"`
	Name     string `json:"name"`
	Revision int    `json:"revision"`
	Cap      int    `json:"cap"`
	pickState
	Undo []pickState `json:"undo,omitempty"` // earlier states, oldest first
}

// pickState is what a change of a list replaces.
type pickState struct {
	By    string `json:"by,omitempty"`
	Note  string `json:"note,omitempty"` // which study
	Picks []pick `json:"picks"`
}

type pick struct {
	Seed    uint64    `json:"seed"`
	Address string    `json:"address"`
	At      time.Time `json:"at"`
}

// wire returns the list as cells and pages see it.
func (l *pickList) wire() *wire.Picks {
	p := &wire.Picks{Space: l.Space, Name: l.Name, Revision: l.Revision, Cap: l.Cap,
		By: l.By, Seeds: []uint64{}, Undoable: len(l.Undo) > 0}
	for _, one := range l.Picks {
		p.Seeds = append(p.Seeds, one.Seed)
	}
	p.Note = l.Note
	if l.By == wire.ByStandIn {
		p.Note = standInNote
	}
	return p
}

func (l *pickList) has(seed uint64) bool {
	return slices.ContainsFunc(l.Picks, func(p pick) bool { return p.Seed == seed })
}

// replace makes picks the state of the list; the state before can be undone.
func (l *pickList) replace(by string, picks []pick) {
	l.Undo = append(l.Undo, l.pickState)
	if len(l.Undo) > undoDepth {
		l.Undo = slices.Delete(l.Undo, 0, len(l.Undo)-undoDepth)
	}
	if len(picks) == 0 {
		by = ""
	}
	l.pickState = pickState{By: by, Picks: picks}
}

// pick adds a sample. Picking a picked sample changes nothing, so that a page
// may repeat a click whose answer got lost. The first click of a person
// replaces what the stand-in picked.
func (l *pickList) pick(p pick, by string) error {
	picks := slices.Clone(l.Picks)
	if by == wire.ByPerson && l.By == wire.ByStandIn {
		picks = nil
	} else if l.has(p.Seed) {
		return nil
	}
	if len(picks) >= l.Cap {
		return fullError{fmt.Errorf("all %d picks of %q are used", l.Cap, l.Name)}
	}
	l.replace(by, append(picks, p))
	return nil
}

// unpick takes a sample out; one that is not in changes nothing. What is left
// was still picked by whoever picked it, unless a study's voters did: what they
// chose is chosen as a whole.
func (l *pickList) unpick(seed uint64) {
	if !l.has(seed) {
		return
	}
	by := l.By
	if by == wire.ByStudy {
		by = wire.ByPerson
	}
	l.replace(by, slices.DeleteFunc(slices.Clone(l.Picks), func(p pick) bool { return p.Seed == seed }))
}

func (l *pickList) clear() {
	if len(l.Picks) > 0 {
		l.replace("", nil)
	}
}

// undo takes the last change back. It asks for the revision the caller saw,
// because an undo sent twice would otherwise take back two changes.
func (l *pickList) undo(revision int) error {
	if revision != l.Revision {
		return staleError{fmt.Errorf("the list changed meanwhile (revision %d, not %d)", l.Revision, revision)}
	}
	if n := len(l.Undo); n > 0 {
		l.pickState, l.Undo = l.Undo[n-1], l.Undo[:n-1]
	}
	return nil
}

// setCap changes how many picks the list may hold.
func (l *pickList) setCap(cap int) error {
	switch {
	case cap < 1 || cap > wire.MaxCap:
		return hint.With(fmt.Errorf("a cap of %d picks", cap),
			fmt.Sprintf("a list holds 1 to %d picks", wire.MaxCap))
	case cap < len(l.Picks):
		return hint.With(fmt.Errorf("list %q already holds %d picks, more than %d", l.Name, len(l.Picks), cap),
			"take some back in the gallery, or clear the list")
	}
	l.Cap = cap
	return nil
}

// fullError and staleError let the page tell these refusals from others.
type (
	fullError  struct{ error }
	staleError struct{ error }
)

// listPath is where list name of the space in dir is kept.
func listPath(dir, name string) string { return filepath.Join(dir, "picks", name+".json") }

// loadPicks reads list name of the space in dir. It takes no lock and makes
// nothing: lists are replaced whole. A list that does not exist is empty.
func loadPicks(dir, space, name string) (*wire.Picks, error) {
	if err := checkListName(name); err != nil {
		return nil, err
	}
	list, err := readPicks(listPath(dir, name), space, name)
	if err != nil {
		return nil, err
	}
	return list.wire(), nil
}

// editPicks reads list name of the space in dir, lets edit change it, and
// returns it after what changed is on disk for good. Lists are read anew each
// time and locked across processes: two kernels may share a space.
func editPicks(dir, space, name string, edit func(*pickList) error) (*wire.Picks, error) {
	if err := checkListName(name); err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, "picks")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockfile.Wait(filepath.Join(folder, ".lock"), 0o644)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	path := listPath(dir, name)
	list, err := readPicks(path, space, name)
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	if err := edit(list); err != nil {
		return list.wire(), err
	}
	if after, err := json.Marshal(list); err != nil || string(after) == string(before) {
		return list.wire(), err
	}
	list.Revision++
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(path, append(data, '\n')); err != nil {
		return nil, fmt.Errorf("storing picks: %w", err)
	}
	return list.wire(), nil
}

func readPicks(path, space, name string) (*pickList, error) {
	list := &pickList{Space: space, Name: name, Cap: defaultCap}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err == nil {
		err = json.Unmarshal(data, list)
	}
	if err == nil && (list.Cap < 1 || list.Cap > wire.MaxCap || len(list.Picks) > list.Cap) {
		err = fmt.Errorf("%d picks with a cap of %d", len(list.Picks), list.Cap)
	}
	if err != nil {
		return nil, hint.With(fmt.Errorf("pick list %q cannot be read: %w", name, err),
			"it is left as it is; move "+path+" away to start a new list")
	}
	list.Space, list.Name = space, name
	return list, nil
}

// defaultCap holds for lists whose cap nobody set: the paper's five.
const defaultCap = 5
