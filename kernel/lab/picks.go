package lab

import (
	"fmt"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Picks is a named list of chosen samples.
type Picks struct {
	space *Space
	list  wire.Picks
}

// Picks returns the list of that name as it stands now.
func (s *Space) Picks(name string) *Picks {
	return s.picks(wire.Request{Op: wire.OpPicks, Picks: name})
}

// SetPicks replaces the list by these samples; the list then says that a
// notebook cell set it.
func (s *Space) SetPicks(name string, seeds ...uint64) *Picks {
	return s.picks(wire.Request{Op: wire.OpSetPicks, Picks: name, Seeds: seeds})
}

// ClearPicks empties the list. The gallery can undo it.
func (s *Space) ClearPicks(name string) *Picks {
	return s.picks(wire.Request{Op: wire.OpClear, Picks: name})
}

// PicksFromStudy replaces the list by the samples that the voters of a study
// chose: those that its report averages, by its protocol and tie rule, of the
// trial that shows this space. The list says which study; the plane and the
// gallery show it like any other. file is the study file, store the file of its
// votes if that is not beside it, with the ending .db.
func (s *Space) PicksFromStudy(file, name string, store ...string) *Picks {
	study := wire.Study{File: absolute(file)}
	if len(store) > 0 {
		study.Store = absolute(store[0])
	}
	p := s.picks(wire.Request{Op: wire.OpStudyPicks, Picks: name, Study: &study})
	p.Show()
	return p
}

// StandIn lets the simulated reader pick when the list is empty: the cap
// samples that it most surely reads as digit. The list then says that no
// person picked, and a person's first click replaces it. With it a notebook
// runs from top to bottom without a person; picks of a person stay untouched.
func (s *Space) StandIn(name string, cap, digit int) *Picks {
	p := s.picks(wire.Request{Op: wire.OpStandIn, Picks: name, Cap: cap, Digit: digit})
	p.Show()
	return p
}

func (s *Space) picks(req wire.Request) *Picks {
	req.Space = s.info.Name
	return &Picks{space: s, list: *call(req).Picks}
}

// Seeds returns the picks in the order picked.
func (p *Picks) Seeds() []uint64 { return append([]uint64(nil), p.list.Seeds...) }

// By returns who picked: "person", "notebook", "stand-in" or "study".
func (p *Picks) By() string { return p.list.By }

// Show shows the list in one line.
func (p *Picks) Show() {
	who := ""
	switch p.list.By {
	case wire.ByPerson:
		who = ", picked by a person"
	case wire.ByNotebook:
		who = ", set by a notebook cell"
	case wire.ByStandIn, wire.ByStudy:
		who = ", " + p.list.Note
	}
	say("%s: %d of %d picks%s%s", p.list.Name, len(p.list.Seeds), p.list.Cap, who, seedList(p.list.Seeds))
}

func seedList(seeds []uint64) string {
	if len(seeds) == 0 {
		return ""
	}
	return fmt.Sprintf("; seeds %v", seeds)
}

// Mean is the pixel average of the picks of a list.
type Mean struct {
	space *Space
	name  string
}

// Mean returns the pixel average of the picks of the list.
func (s *Space) Mean(name string) *Mean { return &Mean{space: s, name: name} }

// Show shows the average.
func (m *Mean) Show() { m.space.figure(wire.OpMean, m.name) }
