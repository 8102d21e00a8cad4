package ensemble

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trustsr/trustsr/internal/hint"
)

// ErrBallot is what errors about a ballot that cannot be counted wrap.
var ErrBallot = errors.New("invalid ballot")

// ErrTwice is what errors about a second ballot of one participant in one
// trial wrap.
var ErrTwice = errors.New("ballot cast twice")

// Bounds of what one ballot may hold.
const (
	MaxShown = 4096 // samples shown in one trial
	MaxText  = 200  // bytes of a participant, trial or reading
)

// Ballot is what one participant answered in one trial: which samples of one
// SR space, in which order, were shown, and which of them were picked.
// Samples are named by their seed in the space.
type Ballot struct {
	Participant string   `json:"participant"`
	Trial       string   `json:"trial"`                // the SR space, e.g. "digit-3"
	Shown       []uint64 `json:"shown"`                // in the order shown, row by row
	Picks       []uint64 `json:"picks"`                // in the order picked
	Reading     string   `json:"reading,omitempty"`    // what the participant read, e.g. "5"; "" for none
	None        bool     `json:"none,omitempty"`       // "none of these" was answered
	Confidence  int      `json:"confidence,omitempty"` // from 1; 0 when not given

	// Began is when the trial was first shown, Cast when it was handed in;
	// both zero where nobody kept time.
	Began time.Time `json:"began,omitzero"`
	Cast  time.Time `json:"cast,omitzero"`

	Browser    string  `json:"browser,omitempty"`     // its User-Agent
	PixelRatio float64 `json:"pixel_ratio,omitempty"` // device pixels per CSS pixel; 0 when unknown

	// Golden says that the trial serves to judge participants, since its
	// answer is known. It does not count where agreement and gains are
	// reported, see [Screening].
	Golden bool `json:"golden,omitempty"`

	// Simulated says that no person gave this answer.
	Simulated bool `json:"simulated,omitempty"`

	// Origin numbers the network address from which the answer came, from 1,
	// among those of the study; 0 when unknown.
	Origin int `json:"origin,omitempty"`

	// Line is where in a file the ballot was read, from 1; 0 for ballots that
	// come from no file.
	Line int `json:"-"`
}

// where names a ballot in an error.
func (b *Ballot) where() string {
	name := fmt.Sprintf("participant %.40q, trial %.40q", b.Participant, b.Trial)
	if b.Line > 0 {
		return fmt.Sprintf("line %d, %s", b.Line, name)
	}
	return name
}

// Duration is the time from showing the trial to handing it in, and whether
// it is known.
func (b *Ballot) Duration() (time.Duration, bool) {
	if b.Began.IsZero() || b.Cast.IsZero() {
		return 0, false
	}
	return b.Cast.Sub(b.Began), true
}

// Check reports what no protocol allows: a missing or unprintable name, a
// sample shown or picked twice, a pick that was not shown, picks beside
// "none of these", times that run backwards. Errors wrap [ErrBallot].
func (b *Ballot) Check() error {
	if why := b.flaw(); why != "" {
		return fmt.Errorf("%s: %s: %w", b.where(), why, ErrBallot)
	}
	return nil
}

func (b *Ballot) flaw() string {
	for _, f := range []struct {
		name, text string
		limit      int
		required   bool
	}{
		{"participant", b.Participant, MaxText, true},
		{"trial", b.Trial, MaxText, true},
		{"reading", b.Reading, MaxText, false},
		{"browser", b.Browser, 1024, false},
	} {
		if f.required && f.text == "" {
			return "no " + f.name
		}
		if why := flawOfText(f.text, f.limit); why != "" {
			return f.name + " " + why
		}
	}
	switch {
	case len(b.Shown) == 0:
		return "no samples shown"
	case len(b.Shown) > MaxShown:
		return fmt.Sprintf("%d samples shown, more than %d", len(b.Shown), MaxShown)
	case len(b.Picks) > len(b.Shown):
		return fmt.Sprintf("%d picks of %d samples", len(b.Picks), len(b.Shown))
	case b.None && len(b.Picks) > 0:
		return fmt.Sprintf("%d picks beside “none of these”", len(b.Picks))
	case b.Origin < 0:
		return fmt.Sprintf("origin %d", b.Origin)
	case b.Confidence < 0:
		return fmt.Sprintf("confidence %d", b.Confidence)
	case math.IsNaN(b.PixelRatio) || b.PixelRatio < 0 || b.PixelRatio > 100:
		return fmt.Sprintf("pixel ratio %g", b.PixelRatio)
	}
	var shown seedSet
	for _, s := range b.Shown {
		if !shown.add(s) {
			return fmt.Sprintf("sample %d shown twice", s)
		}
	}
	var picked seedSet
	for _, s := range b.Picks {
		if !shown.has(s) {
			return fmt.Sprintf("sample %d picked but not shown", s)
		}
		if !picked.add(s) {
			return fmt.Sprintf("sample %d picked twice", s)
		}
	}
	for _, t := range []time.Time{b.Began, b.Cast} {
		if !t.IsZero() && (t.Year() < 1900 || t.Year() > 9999) { // RFC 3339 has four digits
			return fmt.Sprintf("a time in the year %d", t.Year())
		}
	}
	if d, known := b.Duration(); known && d < 0 {
		return fmt.Sprintf("cast %v before it began", -d)
	}
	return ""
}

// flawOfText says why a text cannot be stored and printed, or "". Line breaks
// and other control characters would break the lines of a table.
func flawOfText(s string, limit int) string {
	switch {
	case len(s) > limit:
		return fmt.Sprintf("longer than %d bytes", limit)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case slices.ContainsFunc([]rune(s), func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has unprintable characters"
	case s != "" && (s[0] == ' ' || s[len(s)-1] == ' '):
		return "has blanks around it"
	}
	return ""
}

// position returns where in the order shown, from 0, each pick stood.
func (b *Ballot) positions() []int {
	out := make([]int, len(b.Picks))
	for i, pick := range b.Picks {
		out[i] = slices.Index(b.Shown, pick)
	}
	return out
}

// Once returns an error that wraps [ErrTwice] when a participant has two
// ballots in one trial.
func Once(ballots []Ballot) error {
	type key struct{ participant, trial string }
	seen := make(map[key]bool, len(ballots))
	for i := range ballots {
		b := &ballots[i]
		k := key{b.Participant, b.Trial}
		if seen[k] {
			return fmt.Errorf("%s: %w", b.where(), ErrTwice)
		}
		seen[k] = true
	}
	return nil
}

// seedSet is a set of samples. Small numbers, which nearly all are, take a
// bit each; a map of them would take most of the time of counting.
type seedSet struct {
	bits [64]uint64
	rest map[uint64]bool
}

// add puts a sample in and reports whether it was not there.
func (s *seedSet) add(sample uint64) bool {
	if s.has(sample) {
		return false
	}
	if sample < 64*uint64(len(s.bits)) {
		s.bits[sample/64] |= 1 << (sample % 64)
		return true
	}
	if s.rest == nil {
		s.rest = make(map[uint64]bool)
	}
	s.rest[sample] = true
	return true
}

func (s *seedSet) has(sample uint64) bool {
	if sample < 64*uint64(len(s.bits)) {
		return s.bits[sample/64]>>(sample%64)&1 == 1
	}
	return s.rest[sample]
}

// CheckSamples returns an error that wraps [ErrBallot] and [ErrSample], and
// names the ballot's line and the sample, where a ballot shows or picks a
// sample that is not among those of its space.
func CheckSamples(ballots []Ballot, space []uint64) error {
	var known seedSet
	for _, s := range space {
		known.add(s)
	}
	for i := range ballots {
		b := &ballots[i]
		for _, list := range [][]uint64{b.Shown, b.Picks} {
			for _, s := range list {
				if known.has(s) {
					continue
				}
				err := fmt.Errorf("%s: the space has no sample %d%s: %w: %w", b.where(), s, extent(space), ErrSample, ErrBallot)
				if len(space) > 0 && len(b.Shown) > 0 && slices.Min(b.Shown) == slices.Min(space)+1 && slices.Max(b.Shown) == slices.Max(space)+1 {
					return hint.With(err, "all numbers are one too high, as where counting starts at 1: subtract 1 from every number in shown and picks")
				}
				return hint.With(err, "name the space that was shown; its samples are named by their seeds")
			}
		}
	}
	return nil
}

// extent says which samples a space has, shortly.
func extent(space []uint64) string {
	if len(space) == 0 {
		return ""
	}
	return fmt.Sprintf(", it has %d from %d to %d", len(space), slices.Min(space), slices.Max(space))
}

// Trials returns the trials of ballots, each once, in the order they first
// occur.
func Trials(ballots []Ballot) []string {
	return distinct(ballots, func(b *Ballot) string { return b.Trial })
}

// Participants returns the participants of ballots, each once, in the order
// they first occur.
func Participants(ballots []Ballot) []string {
	return distinct(ballots, func(b *Ballot) string { return b.Participant })
}

// OfTrial returns the ballots of one trial.
func OfTrial(ballots []Ballot, trial string) []Ballot {
	var out []Ballot
	for _, b := range ballots {
		if b.Trial == trial {
			out = append(out, b)
		}
	}
	return out
}

func distinct(ballots []Ballot, field func(*Ballot) string) []string {
	var out []string
	seen := make(map[string]bool)
	for i := range ballots {
		if v := field(&ballots[i]); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
