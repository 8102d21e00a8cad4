package ensemble

import (
	"errors"
	"fmt"
)

// ErrProtocol is what errors about a protocol that contradicts itself wrap.
var ErrProtocol = errors.New("invalid protocol")

// ReadingKind says what a participant is asked to read in the samples.
type ReadingKind string

const (
	NoReading    ReadingKind = "none"  // nothing
	DigitReading ReadingKind = "digit" // one of 0 … 9
	TextReading  ReadingKind = "text"  // a word, a plate, …
)

// Protocol is the rules of a study: what is shown, how often, what is asked,
// and how many of the most voted samples are combined.
type Protocol struct {
	Name            string      `json:"name"`
	Question        string      `json:"question"`                   // for the picks
	ReadingQuestion string      `json:"reading_question,omitempty"` // for the reading
	Reading         ReadingKind `json:"reading"`
	ReadingOptional bool        `json:"reading_optional,omitempty"` // an empty reading is allowed

	Participants int  `json:"participants,omitempty"`  // planned; 0 for any number
	Trials       int  `json:"trials,omitempty"`        // images judged by each participant; 0 for any number
	Samples      int  `json:"samples"`                 // shown in a trial
	FewerSamples bool `json:"fewer_samples,omitempty"` // Samples is the most, not the number
	MinPicks     int  `json:"min_picks"`               // unless "none of these" is answered
	MaxPicks     int  `json:"max_picks"`               // the cap
	AllowNone    bool `json:"allow_none,omitempty"`    // "none of these" is an answer
	Confidence   int  `json:"confidence,omitempty"`    // asked on a scale 1 … Confidence; 0 for not asked

	Combined int `json:"combined"` // the k of the top k by votes that are averaged
}

// Task1 returns the protocol of the paper's ambiguous digit (Korkmaz et al.,
// "Trustworthy SR", section 3.2, Table 1, section 4 "Task-1", Fig. 4): thirty
// people say which digit they see and pick 2 of 324 samples; the 5 most
// picked are averaged.
//
// The paper contradicts itself on three points. The samples are to be "most
// helpful to identify the digit" (section 3.2, Table 1) or "most natural"
// (section 4); the question here is the first, on which Table 1 rests. The
// assessment is called a mean opinion score, but what is counted is votes.
// The introduction lets subjects select "up to 5", here 2. It does not say
// that anyone could answer "none of these"; here one can, for a choice that
// is forced would count as a vote. Clear AllowNone to do without.
func Task1() Protocol {
	return Protocol{
		Name:            "task1",
		Question:        "Select the 2 samples that are most helpful to identify the digit.",
		ReadingQuestion: "Which digit do you see?",
		Reading:         DigitReading,
		Participants:    30, Trials: 1, Samples: 324,
		MinPicks: 2, MaxPicks: 2, AllowNone: true,
		Combined: 5,
	}
}

// Task2 returns the protocol of the paper's natural images (section 4
// "Task-2", section 4.1): thirty people pick at most 3 of 15 samples of each
// of 10 images; the 3 most picked are averaged.
//
// The paper contradicts itself: section 4 presents "15 natural images" of
// which the "more photo-realistic image" is chosen, section 4.1 fifteen
// samples of one image, in each of 10 rounds, of which "at most 3" are
// selected; this is the latter. Section 3.2 averages the top 5 of up to 100
// samples, section 4.1 the top 3 of 15. As in [Task1], "none of these" is an
// addition.
func Task2() Protocol {
	return Protocol{
		Name:         "task2",
		Question:     "Select at most 3 images with natural looking details, colors and lighting.",
		Reading:      NoReading,
		Participants: 30, Trials: 10, Samples: 15,
		MinPicks: 1, MaxPicks: 3, AllowNone: true,
		Combined: 3,
	}
}

// Method returns the protocol of the paper's general method (section 1,
// section 3.2): up to 100 samples of each LR image, of which a person selects
// up to 5; the 5 most selected by majority voting are averaged.
//
// The paper contradicts itself: its two experiments ([Task1], [Task2]) show
// 324 and 15 samples and allow 2 and 3 picks. The introduction ensembles "the
// images selected by each subject", section 3.2 those of the majority; this
// is the latter. As in [Task1], "none of these" is an addition.
func Method() Protocol {
	return Protocol{
		Name:     "method",
		Question: "Select up to 5 images that most likely show what is there.",
		Reading:  TextReading, ReadingOptional: true,
		ReadingQuestion: "What do you read, if anything?",
		Samples:         100, FewerSamples: true,
		MinPicks: 1, MaxPicks: 5, AllowNone: true,
		Combined: 5,
	}
}

// FindProtocol returns the preset of a name: "task1", "task2" or "method".
func FindProtocol(name string) (Protocol, error) {
	for _, p := range []Protocol{Task1(), Task2(), Method()} {
		if p.Name == name {
			return p, nil
		}
	}
	return Protocol{}, fmt.Errorf("no protocol %q among task1, task2, method: %w", name, ErrProtocol)
}

// Check reports rules that nobody could follow, as an error that wraps
// [ErrProtocol].
func (p *Protocol) Check() error {
	var why string
	switch {
	case p.Samples < 1 || p.Samples > MaxShown:
		why = fmt.Sprintf("%d samples, want 1 to %d", p.Samples, MaxShown)
	case p.MaxPicks < 1 || p.MaxPicks > p.Samples:
		why = fmt.Sprintf("at most %d picks of %d samples", p.MaxPicks, p.Samples)
	case p.MinPicks < 0 || p.MinPicks > p.MaxPicks:
		why = fmt.Sprintf("at least %d and at most %d picks", p.MinPicks, p.MaxPicks)
	case p.Combined < 1 || p.Combined > p.Samples:
		why = fmt.Sprintf("%d of %d samples combined", p.Combined, p.Samples)
	case p.Participants < 0 || p.Trials < 0:
		why = fmt.Sprintf("%d participants, %d trials", p.Participants, p.Trials)
	case p.Confidence < 0 || p.Confidence == 1 || p.Confidence > 100:
		why = fmt.Sprintf("confidence on a scale of %d", p.Confidence)
	case p.Reading != NoReading && p.Reading != DigitReading && p.Reading != TextReading:
		why = fmt.Sprintf("reading of kind %q", p.Reading)
	default:
		return nil
	}
	return fmt.Errorf("%q: %s: %w", p.Name, why, ErrProtocol)
}

// Validate reports what is wrong with a ballot by itself ([Ballot.Check]) or
// under the rules of the protocol, as an error that wraps [ErrBallot].
func (p *Protocol) Validate(b *Ballot) error {
	if err := b.Check(); err != nil {
		return err
	}
	if why := p.breach(b); why != "" {
		return fmt.Errorf("%s: %s: %w", b.where(), why, ErrBallot)
	}
	return nil
}

func (p *Protocol) breach(b *Ballot) string {
	switch n := len(b.Shown); {
	case p.FewerSamples && n > p.Samples:
		return fmt.Sprintf("%d samples shown, want at most %d", n, p.Samples)
	case !p.FewerSamples && n != p.Samples:
		return fmt.Sprintf("%d samples shown, want %d", n, p.Samples)
	}
	switch n := len(b.Picks); {
	case n > p.MaxPicks:
		return fmt.Sprintf("%d picks, at most %d allowed", n, p.MaxPicks)
	case b.None && !p.AllowNone:
		return "“none of these” is no answer here"
	// Where fewer samples are shown than picks asked for, all of them do.
	case !b.None && n < min(p.MinPicks, len(b.Shown)):
		return fmt.Sprintf("%d picks, at least %d wanted", n, p.MinPicks)
	case b.Confidence > p.Confidence:
		return fmt.Sprintf("confidence %d on a scale of %d", b.Confidence, p.Confidence)
	}
	switch {
	case b.Reading == "":
		// Who saw nothing fitting may have read nothing either.
		if p.Reading != NoReading && !p.ReadingOptional && !b.None {
			return "no reading"
		}
	case p.Reading == NoReading:
		return fmt.Sprintf("reading %q where none was asked for", b.Reading)
	case p.Reading == DigitReading && len(whole(b.Reading)) == 1 && len(b.Reading) > 1:
		return fmt.Sprintf("reading %q is no digit; write %s", b.Reading, whole(b.Reading))
	case p.Reading == DigitReading && (len(b.Reading) != 1 || b.Reading[0] < '0' || b.Reading[0] > '9'):
		return fmt.Sprintf("reading %q is no digit", b.Reading)
	}
	return ""
}

// ValidateAll validates every ballot and that nobody voted twice in a trial
// ([Once]). The first error is returned.
func (p *Protocol) ValidateAll(ballots []Ballot) error {
	if err := p.Check(); err != nil {
		return err
	}
	for i := range ballots {
		if err := p.Validate(&ballots[i]); err != nil {
			return err
		}
	}
	return Once(ballots)
}
