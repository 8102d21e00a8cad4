package study

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Refusals of who would join. Their texts are for participants.
var (
	ErrSeat      = errors.New("type the seat code that you were given")
	ErrSeatTaken = errors.New("this seat code has been used already; ask for another")
	ErrQuota     = errors.New("the study has all the participants that it needs; thank you for coming")
)

// Visitor is who asks to take part.
type Visitor struct {
	Browser    string
	PixelRatio float64
	Address    string     // of the network; it is not stored, only which participants share one
	Seat       string     // the code of a seat, where the study has seats
	Parameters url.Values // of the address that the participant opened
}

// visit is how a participant came.
type visit struct {
	origin     int               // number of the network address among those of the study; 0 for unknown
	seat       string            // code
	parameters map[string]string // those that the study file names
}

// visits is a table of its own: stores of versions 1 and 2 have none.
const visitSchema = `
CREATE TABLE IF NOT EXISTS visits (
  participant INTEGER PRIMARY KEY,
  origin     INTEGER NOT NULL,     -- number of the network address among those of the study
  seat       TEXT NOT NULL,
  parameters TEXT NOT NULL         -- JSON object
) STRICT;
CREATE TABLE IF NOT EXISTS addresses (
  origin INTEGER PRIMARY KEY,
  mark   TEXT NOT NULL UNIQUE      -- of the address, under a secret of the store
) STRICT;`

// maxParameter bounds what is kept of one parameter, in bytes.
const maxParameter = 200

// admit says how a visitor comes in, or why not.
func (b *Session) admit(v *Visitor) (*visit, error) {
	out := &visit{parameters: map[string]string{}}
	for _, name := range b.study.Parameters {
		if value := v.Parameters.Get(name); value != "" {
			out.parameters[name] = Printable(value[:min(len(value), maxParameter)])
		}
	}
	if b.study.Quota > 0 {
		coming := 0 // who is done, or may come to be
		late := b.now().Add(-ConsentTime)
		for _, p := range b.participants {
			if p.stage-2 >= len(b.study.All()) || p.seen.After(late) {
				coming++
			}
		}
		if coming >= b.study.Quota {
			return nil, ErrQuota
		}
	}
	if b.study.Seats > 0 {
		seat := seatCode(v.Seat)
		if !slices.Contains(b.seats, seat) {
			return nil, ErrSeat
		}
		for _, p := range b.participants {
			if p.visit.seat == seat {
				return nil, ErrSeatTaken
			}
		}
		out.seat = seat
	}
	if v.Address != "" {
		mac := hmac.New(sha256.New, []byte(b.secret))
		mac.Write([]byte(v.Address))
		mark := hex.EncodeToString(mac.Sum(nil)[:16])
		if b.origins[mark] == 0 {
			b.origins[mark] = len(b.origins) + 1
		}
		out.origin = b.origins[mark]
	}
	return out, nil
}

// seatCode is a code as it is stored, of what a person typed.
func seatCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToUpper(s))
}

// makeSeats returns the codes of a study's seats, made once and kept in the
// store; more are added where the study file has more.
func makeSeats(db *sql.DB, n int) ([]string, error) {
	before, err := stored(db, "seats")
	if err != nil {
		return nil, err
	}
	var codes []string
	if before != "" {
		if err := json.Unmarshal([]byte(before), &codes); err != nil {
			return nil, fmt.Errorf("seats: %w", err)
		}
	}
	if len(codes) >= n {
		return codes[:n], nil
	}
	for len(codes) < n {
		if code := rand.Text()[:6]; !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	text, err := json.Marshal(codes)
	if err != nil {
		return nil, err
	}
	_, err = db.Exec(`INSERT OR REPLACE INTO meta VALUES ('seats', ?)`, string(text))
	return codes, err
}

// loadVisits reads how participants came.
func loadVisits(db *sql.Tx, people map[int]*participant) (origins map[string]int, err error) {
	origins = map[string]int{}
	var there bool
	if err := db.QueryRow(`SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'visits')`).Scan(&there); err != nil || !there {
		return origins, err
	}
	rows, err := db.Query(`SELECT participant, origin, seat, parameters FROM visits`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var number int
		var v visit
		var parameters string
		if err := rows.Scan(&number, &v.origin, &v.seat, &parameters); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(parameters), &v.parameters); err != nil {
			return nil, fmt.Errorf("parameters of participant %d: %w", number, err)
		}
		if p := people[number]; p != nil {
			p.visit = v
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	marks, err := db.Query(`SELECT origin, mark FROM addresses`)
	if err != nil {
		return nil, err
	}
	defer marks.Close()
	for marks.Next() {
		var origin int
		var mark string
		if err := marks.Scan(&origin, &mark); err != nil {
			return nil, err
		}
		origins[mark] = origin
	}
	return origins, marks.Err()
}

// saveVisit stores how a participant came.
func (b *Session) saveVisit(tx *sql.Tx, p *participant) error {
	parameters, err := json.Marshal(p.visit.parameters)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO visits VALUES (?, ?, ?, ?)`, p.number, p.visit.origin, p.visit.seat, string(parameters)); err != nil {
		return fmt.Errorf("participant %d: %w", p.number, err)
	}
	for _, mark := range slices.Sorted(maps.Keys(b.origins)) {
		if b.origins[mark] == p.visit.origin {
			_, err := tx.Exec(`INSERT OR IGNORE INTO addresses VALUES (?, ?)`, p.visit.origin, mark)
			return err
		}
	}
	return nil
}

// CompletionURL is where a participant who is done goes on to, "" for nowhere:
// the study file's address with {code} and the names of parameters in braces
// replaced.
func (s *Study) CompletionURL(code string, parameters map[string]string) string {
	out := strings.ReplaceAll(s.Completion, "{code}", url.QueryEscape(code))
	for _, name := range s.Parameters {
		out = strings.ReplaceAll(out, "{"+name+"}", url.QueryEscape(parameters[name]))
	}
	return out
}

// checkVisits checks what the study file says of who comes.
func (s *Study) checkVisits() error {
	if s.Seats < 0 || s.Seats > MaxParticipants {
		return fmt.Errorf("%d seats: 0 to %d", s.Seats, MaxParticipants)
	}
	if s.Quota < 0 || s.Quota > MaxParticipants {
		return fmt.Errorf("a quota of %d: 0 to %d", s.Quota, MaxParticipants)
	}
	if len(s.Parameters) > 20 {
		return fmt.Errorf("%d parameters: at most 20", len(s.Parameters))
	}
	for i, name := range s.Parameters {
		if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			return fmt.Errorf("parameter %.40q: letters, digits, _ and - only", name)
		}
		if name == "room" || name == "seat" || name == "code" || slices.Contains(s.Parameters[:i], name) {
			return fmt.Errorf("parameter %q is there already", name)
		}
	}
	if s.Completion != "" {
		u, err := url.Parse(s.CompletionURL("code", nil))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return fmt.Errorf("completion: %.80q is no address that starts with https://", s.Completion)
		}
	}
	return nil
}
