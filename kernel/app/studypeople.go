package app

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/trustsr/trustsr/ensemble/study"
)

// WithdrawFromStudy removes all that the participant with a code answered, for
// good. A study that is being served is refused with study.ErrServed: there
// the participant's own page does it.
func WithdrawFromStudy(ctx context.Context, file, store, code string) error {
	store = StoreOf(file, store)
	if _, err := os.Stat(store); err != nil {
		return &NoVotesError{store, err}
	}
	s, err := study.Load(file)
	if err != nil {
		return err
	}
	session, err := study.Open(s, store, study.Options{})
	if err != nil {
		return err
	}
	return errors.Join(session.Withdraw(ctx, code), session.Close())
}

// CheckedCode is what is known of a completion code.
type CheckedCode struct {
	Code   string
	Person *study.Person // nil where nobody has the code
}

// CheckCodes looks codes up, in the order given.
func CheckCodes(ctx context.Context, file, store string, codes []string) ([]CheckedCode, error) {
	v, _, err := OpenVotes(file, store)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	people, _, err := v.People(ctx)
	if err != nil {
		return nil, err
	}
	byCode := map[string]*study.Person{}
	for i := range people {
		byCode[people[i].Code] = &people[i]
	}
	var out []CheckedCode
	for _, code := range codes {
		out = append(out, CheckedCode{code, byCode[strings.ToUpper(strings.TrimSpace(code))]})
	}
	return out, nil
}

// Seat is the code of a seat, and who sits there.
type Seat struct{ Code, Participant string }

// Seats returns the seats of a study, which has codes once it was served.
func Seats(ctx context.Context, file, store string) ([]Seat, error) {
	v, _, err := OpenVotes(file, store)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	codes, err := v.Seats()
	if err != nil {
		return nil, err
	}
	people, _, err := v.People(ctx)
	if err != nil {
		return nil, err
	}
	taken := map[string]string{}
	for _, p := range people {
		taken[p.Seat] = p.Name
	}
	var out []Seat
	for _, code := range codes {
		out = append(out, Seat{code, taken[code]})
	}
	return out, nil
}
