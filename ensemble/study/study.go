// Package study asks many people to choose: a file describes a study, a session
// takes the answers of its participants, and a store keeps every click before
// it is confirmed. What shows pages to people is above this package.
package study

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// ErrStudy is what errors about a study file that cannot be run wrap.
var ErrStudy = errors.New("unusable study")

// maxFile bounds a study file; 1 MiB holds any consent text.
const maxFile = 1 << 20

// Study describes a study. Paths are relative to its file.
type Study struct {
	Title        string `yaml:"title"`
	Consent      string `yaml:"consent"`      // what a participant agrees to; blank lines part paragraphs
	Instructions string `yaml:"instructions"` // what to do
	Thanks       string `yaml:"thanks,omitempty"`

	// Next says how the next person on the same device begins: "off", nobody
	// does; "button", by a button on the page with the thanks; or by itself
	// after a time such as "30s".
	Next string `yaml:"next,omitempty"`

	// Seats is how many seat codes there are, one a person; 0 for a study that
	// takes everybody who has its address.
	Seats int `yaml:"seats,omitempty"`

	// Parameters are names of parameters of the address that participants
	// open, such as PROLIFIC_PID, whose values are stored with the person.
	Parameters []string `yaml:"parameters,omitempty"`

	// Quota is how many participants are taken; 0 for all who come.
	Quota int `yaml:"quota,omitempty"`

	// Completion is where participants go on to at the end, with {code} for
	// the person's code and the names of parameters in braces.
	Completion string `yaml:"completion,omitempty"`

	Protocol string  `yaml:"protocol"`           // a preset: task1, task2, method
	Rules    *Rules  `yaml:"rules,omitempty"`    // changes to the preset
	Seed     uint64  `yaml:"seed"`               // decides every participant's orders, ties and bootstrap
	Ties     string  `yaml:"ties,omitempty"`     // tie rule of the report, by default expand
	Training *Trial  `yaml:"training,omitempty"` // shown first, never counted
	Trials   []Trial `yaml:"trials"`

	rules ensemble.Protocol // after Rules
	asked ensemble.Protocol // the same, without the question that follows from the number of picks and without the plan
	dir   string            // of the file
}

// Rules change single values of a preset protocol.
type Rules struct {
	Question        *string `yaml:"question,omitempty"`
	ReadingQuestion *string `yaml:"reading_question,omitempty"`
	Reading         *string `yaml:"reading,omitempty"` // none, digit or text
	ReadingOptional *bool   `yaml:"reading_optional,omitempty"`
	Participants    *int    `yaml:"participants,omitempty"` // planned; 0 for any number
	MinPicks        *int    `yaml:"min_picks,omitempty"`
	MaxPicks        *int    `yaml:"max_picks,omitempty"` // unless a question is given, it says how many
	AllowNone       *bool   `yaml:"allow_none,omitempty"`
	Confidence      *int    `yaml:"confidence,omitempty"` // scale 1 … n, 0 for not asked
	Combined        *int    `yaml:"combined,omitempty"`
}

// Trial is one SR space to choose from.
type Trial struct {
	Name    string `yaml:"name"`
	Space   string `yaml:"space"`
	Samples int    `yaml:"samples,omitempty"` // the first so many; by default as many as the protocol shows
	Expect  string `yaml:"expect,omitempty"`  // the reading of a golden trial, which screens participants

	// HR is a picture of the truth, where it is known, for the report's scores.
	// Participants never receive it, and it may be named after the study: it
	// is no part of what tells studies apart.
	HR string `yaml:"hr,omitempty" json:"-"`
}

// Load reads a study file, YAML or JSON, and checks it. It does not open the
// spaces.
func Load(path string) (*Study, error) {
	data, err := inputfile.Read(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FileError{path, fmt.Errorf("study: %w", err)}
	case err != nil:
		return nil, &FileError{path, fmt.Errorf("study: %w: %w", ErrStudy, err)}
	}
	s, err := Parse(data)
	if err != nil {
		return nil, &FileError{path, fmt.Errorf("study %s: %w", path, err)}
	}
	s.dir = filepath.Dir(path)
	return s, nil
}

// Parse reads a study from YAML or JSON. Unknown fields are errors. All
// errors wrap [ErrStudy].
func Parse(data []byte) (*Study, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrStudy, maxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	s := &Study{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStudy, err)
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, hint.With(fmt.Errorf("%w: more than one document", ErrStudy), "a file holds one study: put the others into files of their own")
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStudy, err)
	}
	return s, nil
}

func (s *Study) check() error {
	for name, text := range map[string]string{"title": s.Title, "consent": s.Consent, "instructions": s.Instructions} {
		if strings.TrimSpace(text) == "" {
			return fmt.Errorf("no %s", name)
		}
	}
	p, err := ensemble.FindProtocol(s.Protocol)
	if err != nil {
		return err
	}
	if r := s.Rules; r != nil {
		set(&p.Question, r.Question)
		set(&p.ReadingQuestion, r.ReadingQuestion)
		set(&p.ReadingOptional, r.ReadingOptional)
		set(&p.MinPicks, r.MinPicks)
		set(&p.MaxPicks, r.MaxPicks)
		set(&p.AllowNone, r.AllowNone)
		set(&p.Confidence, r.Confidence)
		set(&p.Combined, r.Combined)
		if r.Reading != nil {
			p.Reading = ensemble.ReadingKind(*r.Reading)
		}
	}
	if _, _, err := s.NextParticipant(); err != nil {
		return err
	}
	if err := s.checkVisits(); err != nil {
		return err
	}
	if s.Ties == "" {
		s.Ties = string(ensemble.Expand)
	}
	ties, err := ensemble.FindTieRule(s.Ties)
	if err != nil {
		return err
	}
	s.Ties = string(ties)
	if len(s.Trials) == 0 {
		return errors.New("no trials")
	}
	if len(s.Trials) > 1000 {
		return fmt.Errorf("%d trials", len(s.Trials))
	}
	names := map[string]bool{}
	for _, t := range s.All() {
		probe := ensemble.Ballot{Participant: "p", Trial: t.Name, Shown: []uint64{0}}
		if err := probe.Check(); err != nil {
			return err
		}
		switch {
		case names[t.Name]:
			return fmt.Errorf("two trials are called %q", t.Name)
		case t.Space == "":
			return fmt.Errorf("trial %q has no space", t.Name)
		case t.Samples < 0 || t.Samples > ensemble.MaxShown:
			return fmt.Errorf("trial %q shows %d samples", t.Name, t.Samples)
		case t.Expect != "" && p.Reading == ensemble.NoReading:
			return fmt.Errorf("trial %q expects a reading, but none is asked for", t.Name)
		}
		names[t.Name] = true
	}
	// Trials may show fewer samples than the paper's.
	p.FewerSamples = true
	s.rules, s.asked = p, p
	if r := s.Rules; r != nil {
		set(&s.rules.Participants, r.Participants) // changes no answer
		if r.Question == nil && (r.MinPicks != nil || r.MaxPicks != nil) {
			s.rules.Question = question(&s.rules)
		}
	}
	return s.rules.Check()
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// NextParticipant reports whether the next person may begin on the same
// device, and after which time this happens by itself; 0 for never.
func (s *Study) NextParticipant() (button bool, after time.Duration, err error) {
	switch s.Next {
	case "", "off":
		return false, 0, nil
	case "button":
		return true, 0, nil
	}
	after, err = time.ParseDuration(s.Next)
	if err != nil || after < 5*time.Second || after > time.Hour {
		return false, 0, fmt.Errorf("next: %q is neither off, button nor a time from 5s to 1h", s.Next)
	}
	return true, after, nil
}

// ProtocolRules are the rules of the study: the preset with its changes.
func (s *Study) ProtocolRules() ensemble.Protocol { return s.rules }

// All returns the trials in the order shown, training first.
func (s *Study) All() []Trial {
	if s.Training == nil {
		return s.Trials
	}
	return append([]Trial{*s.Training}, s.Trials...)
}

// Counted reports whether a trial of [Study.All] is one that counts.
func (s *Study) Counted(trial int) bool { return s.Training == nil || trial > 0 }

// Screening returns the rules for setting participants apart: all golden
// trials read as expected. Without golden trials it sets apart nobody.
func (s *Study) Screening() ensemble.Screening {
	golden := map[string]ensemble.Golden{}
	for _, t := range s.Trials {
		if t.Expect != "" {
			golden[t.Name] = ensemble.Golden{Reading: t.Expect}
		}
	}
	if len(golden) == 0 {
		return ensemble.Screening{}
	}
	return ensemble.Screening{Golden: golden, MinGolden: 1}
}

// SpacePath returns the folder of a trial's space.
func (s *Study) SpacePath(t Trial) string { return s.path(t.Space) }

// HRPath returns the file of a trial's HR picture, "" where there is none.
func (s *Study) HRPath(t Trial) string {
	if t.HR == "" {
		return ""
	}
	return s.path(t.HR)
}

func (s *Study) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, filepath.FromSlash(name))
}
