package study

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace"
)

// Votes is a store that is read only: for counting, also beside the server
// that fills it.
type Votes struct {
	study *Study
	decks map[string]*deck
	db    *sql.DB
}

// Read opens a store that is there. It takes no lock and changes nothing.
// Errors about the store wrap [ErrStore].
func Read(s *Study, store string) (*Votes, error) {
	decks, samples, err := openDecks(s)
	if err != nil {
		return nil, err
	}
	db, err := readStore(store, identify(s, decks, samples))
	if err != nil {
		return nil, err
	}
	return &Votes{s, decks, db}, nil
}

// Ballots returns the ballots handed in by now, training left out.
func (v *Votes) Ballots(ctx context.Context) ([]ensemble.Ballot, error) {
	all, err := load(ctx, v.db)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return handedIn(v.study, all.participants), nil
}

// People returns the participants, and how many withdrew.
func (v *Votes) People(ctx context.Context) (all []Person, withdrawn int, err error) {
	stored, err := load(ctx, v.db)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return people(v.study, stored.participants), stored.withdrawn, nil
}

// Seats returns the seat codes of the study; none before it was first served.
func (v *Votes) Seats() ([]string, error) {
	text, err := stored(v.db, "seats")
	if err != nil || text == "" {
		return nil, err
	}
	var codes []string
	if err := json.Unmarshal([]byte(text), &codes); err != nil {
		return nil, fmt.Errorf("%w: seats: %w", ErrStore, err)
	}
	return codes[:min(len(codes), v.study.Seats)], nil
}

// Closed reports whether voting has ended for good.
func (v *Votes) Closed(ctx context.Context) (bool, error) {
	all, err := load(ctx, v.db)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return all.closed, nil
}

// Trials returns the trials that count, with the samples shown and the rules
// for their number.
func (v *Votes) Trials() []TrialSamples { return trials(v.study, v.study.Trials, v.decks) }

// Close closes the store.
func (v *Votes) Close() error { return v.db.Close() }

// TrialSamples is what was shown in a trial.
type TrialSamples struct {
	Name     string
	Space    *srspace.Space
	Samples  []srspace.Sample
	Protocol ensemble.Protocol
}

// Shown opens the spaces of a study and returns what its trials show, training
// left out. It needs no store.
func (s *Study) Shown() ([]TrialSamples, error) {
	decks, _, err := openDecks(s)
	if err != nil {
		return nil, err
	}
	return trials(s, s.Trials, decks), nil
}

func trials(s *Study, of []Trial, decks map[string]*deck) []TrialSamples {
	var out []TrialSamples
	for _, t := range of {
		d := decks[t.Name]
		out = append(out, TrialSamples{t.Name, d.space, d.all(), d.protocol(s.rules)})
	}
	return out
}

// openDecks reads the pictures of all trials.
func openDecks(s *Study) (map[string]*deck, map[string][]uint64, error) {
	decks, samples := map[string]*deck{}, map[string][]uint64{}
	for _, t := range s.All() {
		d, err := openDeck(s, t)
		if err != nil {
			return nil, nil, err
		}
		decks[t.Name], samples[t.Name] = d, d.samples
	}
	return decks, samples, nil
}

// identify tells studies apart whose answers must not be mixed: by what
// decides the orders and what is asked, and by the pixels that are shown.
func identify(s *Study, decks map[string]*deck, samples map[string][]uint64) identity {
	h := sha256.New()
	json.NewEncoder(h).Encode(struct {
		Seed    uint64
		Rules   ensemble.Protocol
		Trials  []Trial
		Samples map[string][]uint64
	}{s.Seed, s.asked, s.All(), samples})
	of := identity{hex.EncodeToString(h.Sum(nil)), map[string]string{}}
	for name, d := range decks {
		h := sha256.New()
		for _, seed := range d.samples {
			fmt.Fprintln(h, seed, d.images[seed].Hash())
		}
		of.pictures[name] = hex.EncodeToString(h.Sum(nil))
	}
	return of
}
