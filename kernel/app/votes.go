package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// OptionError is an option whose value cannot be used. Option is the name of
// its field.
type OptionError struct{ Option, Reason string }

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

// Screening are rules for excluding participants beyond those of a study's
// file. Results are always given with and without the excluded ones.
type Screening struct {
	Golden           map[string]string // expected reading by trial
	MinGolden        *float64          // least share of golden trials read as expected, 0 to 1; nil is all
	MinTime          time.Duration     // least median time a trial
	MinAgreement     *float64          // with the others, in standard deviations above chance
	MaxSamePositions float64           // largest share of trials picked at the same places; 0 is no rule
}

// over adds the rules to those of a study file.
func (s Screening) over(rules ensemble.Screening) (ensemble.Screening, error) {
	golden := map[string]ensemble.Golden{}
	for trial, g := range rules.Golden {
		golden[trial] = g
	}
	for trial, reading := range s.Golden {
		golden[trial] = ensemble.Golden{Reading: reading}
	}
	least := 1.0
	if s.MinGolden != nil {
		least = *s.MinGolden
	}
	switch {
	case !(least >= 0 && least <= 1):
		return rules, &OptionError{"MinGolden", fmt.Sprintf("%g is no share from 0 to 1", least)}
	case !(s.MaxSamePositions >= 0 && s.MaxSamePositions <= 1):
		return rules, &OptionError{"MaxSamePositions", fmt.Sprintf("%g is no share from 0 to 1", s.MaxSamePositions)}
	case s.MinTime < 0:
		return rules, &OptionError{"MinTime", fmt.Sprintf("%v is negative", s.MinTime)}
	case s.MinAgreement != nil && math.IsNaN(*s.MinAgreement):
		return rules, &OptionError{"MinAgreement", "it is not a number"}
	case len(golden) == 0 && s.MinGolden != nil:
		return rules, &OptionError{"MinGolden", "there are no golden trials"}
	}
	if len(golden) > 0 {
		rules.Golden, rules.MinGolden = golden, least
	}
	rules.MinTime, rules.MaxSamePositions = s.MinTime, s.MaxSamePositions
	if s.MinAgreement != nil {
		rules.MinAgreement = s.MinAgreement
	}
	return rules, nil
}

// Truth returns the HR pictures of trials by their names, as far as they are
// known. It is told the names of all trials.
type Truth func(trials []string) (map[string]*picture.Image, error)

// hr is the HR picture of a trial: the one of truth or, where that names none,
// the one in file; nil where there is none.
func (f Truth) hr(trial, file string, trials []string) (*picture.Image, error) {
	if f != nil {
		known, err := f(trials)
		if err != nil || known[trial] != nil {
			return known[trial], err
		}
	}
	if file == "" {
		return nil, nil
	}
	img, err := picture.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("HR picture: %w", err)
	}
	return img, nil
}

// TallyOptions say which ballots are counted on which space.
type TallyOptions struct {
	Space    string // folder of the space, or of pictures made elsewhere
	Protocol string // preset; "" is task1
	Study    string // file whose rules and spaces the ballots obey, in place of Space and Protocol

	Ballots   string // file, .jsonl or .csv
	Trial     string // of the ballots; "" where they have one. Of simulated ones; "" is the folder's name
	Simulate  int    // in place of Ballots: this many simulated participants
	Behaviour string // theirs; "" is expert

	Ties      string  // rule; "" is the study file's, or expand
	Seed      *uint64 // of simulation, tie draws, bootstrap and random ensembles; nil is the study file's, or 1
	Screening Screening
	Truth     Truth

	// LeaveOut allows files in the space that are no finished samples; without
	// it they are an error that wraps srspace.ErrLeftOut.
	LeaveOut bool
	ReportOptions
}

// SeveralTrialsError is a file of ballots of several trials where one is
// meant.
type SeveralTrialsError struct{ Trials []string }

func (e *SeveralTrialsError) Error() string {
	return fmt.Sprintf("the ballots are of %d trials: %q", len(e.Trials), e.Trials)
}

// NoTrialError is a trial that a study does not have.
type NoTrialError struct{ Study, Trial string }

func (e *NoTrialError) Error() string { return fmt.Sprintf("%s has no trial %q", e.Study, e.Trial) }

// RulesError is a ballot that breaks the rules of its protocol, without a
// study file to say that other rules hold.
type RulesError struct{ Err error }

func (e *RulesError) Error() string { return e.Err.Error() }
func (e *RulesError) Unwrap() error { return e.Err }

// Tally counts the ballots of one trial, from a file or made up, and reports
// on them.
func (ms *Models) Tally(ctx context.Context, o TallyOptions) (*Report, error) {
	var ballots []ensemble.Ballot
	trial := o.Trial
	switch {
	case o.Ballots == "" && o.Simulate < 1:
		return nil, ErrNoBallots
	case o.Ballots != "":
		var err error
		if ballots, err = ensemble.ReadBallots(o.Ballots); err != nil {
			return nil, err
		}
		if names := ensemble.Trials(ballots); trial == "" && len(names) == 1 {
			trial = names[0]
		} else if trial == "" {
			return nil, &SeveralTrialsError{names}
		}
	case trial == "":
		trial = filepath.Base(o.Space)
	}
	t, err := o.trial(trial, ballots)
	if err != nil {
		return nil, err
	}
	if ballots == nil {
		behaviour := o.Behaviour
		if behaviour == "" {
			behaviour = string(ensemble.Expert)
		}
		if ballots, err = ms.Cast(ctx, t, o.Simulate, behaviour, t.Seed); err != nil {
			return nil, err
		}
	}
	report, err := ms.Report(ctx, "", []Trial{t}, ballots, o.ReportOptions)
	if errors.Is(err, ensemble.ErrBallot) && !errors.Is(err, ensemble.ErrSample) && o.Study == "" {
		return nil, &RulesError{err}
	}
	return report, err
}

// trial opens what the ballots are about.
func (o *TallyOptions) trial(name string, ballots []ensemble.Ballot) (t Trial, err error) {
	dir, hr, shown := o.Space, "", 0
	t = Trial{Name: name, Ties: ensemble.Expand, Seed: 1}
	if o.Study == "" {
		preset := o.Protocol
		if preset == "" {
			preset = "task1"
		}
		t.Protocol, err = ensemble.FindProtocol(preset)
	} else {
		var s *study.Study
		if s, err = study.Load(o.Study); err != nil {
			return t, err
		}
		i := slices.IndexFunc(s.Trials, func(t study.Trial) bool { return t.Name == name })
		if i < 0 {
			return t, &NoTrialError{o.Study, name}
		}
		described := s.Trials[i]
		dir, hr, shown = s.SpacePath(described), s.HRPath(described), described.Samples
		t.Protocol, t.Screening, t.Ties, t.Seed = s.ProtocolRules(), s.Screening(), ensemble.TieRule(s.Ties), s.Seed
		if shown == 0 {
			shown = t.Protocol.Samples
		}
	}
	if err == nil && o.Ties != "" {
		t.Ties, err = ensemble.FindTieRule(o.Ties)
	}
	if err != nil {
		return t, err
	}
	if o.Seed != nil {
		t.Seed = *o.Seed
	}
	space, samples, err := OpenSamples(dir)
	if err != nil {
		return t, err
	}
	if files := space.LeftOut(); len(files) > 0 {
		err := &srspace.LeftOutError{Files: files}
		if !o.LeaveOut {
			return t, err
		}
		o.note("%v", err)
	}
	t.LR, t.Samples = space.LR(), samples
	if shown > 0 {
		t.Samples = samples[:min(shown, len(samples))]
		t.Protocol.Samples, t.Protocol.Combined = len(t.Samples), min(t.Protocol.Combined, len(t.Samples)-1)
	}
	n := len(t.Samples)
	if n <= t.Protocol.Combined {
		return t, &NoSamplesError{dir, n, t.Protocol.Combined + 1}
	}
	if n < t.Protocol.Samples || t.Protocol.FewerSamples && n > t.Protocol.Samples {
		o.note("the paper's %s shows %d samples, this space has %d", t.Protocol.Name, t.Protocol.Samples, n)
		t.Protocol.Samples = n
	}
	if t.Screening, err = o.Screening.over(t.Screening); err != nil {
		return t, err
	}
	names := []string{name}
	if ballots != nil {
		names = ensemble.Trials(ballots)
	}
	t.HR, err = o.Truth.hr(name, hr, names)
	return t, err
}

// NoVotesError is a study of which there is no store of votes yet.
type NoVotesError struct {
	Store string
	Err   error
}

func (e *NoVotesError) Error() string { return fmt.Sprintf("no votes: %v", e.Err) }
func (e *NoVotesError) Unwrap() error { return e.Err }

// StoreOf is where the votes of a study are: store or, where that is empty,
// beside the study's file with the ending .db.
func StoreOf(file, store string) string {
	if store != "" {
		return store
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".db"
}

// OpenVotes reads the store of a study, which a server may be filling.
func OpenVotes(file, store string) (*study.Votes, *study.Study, error) {
	store = StoreOf(file, store)
	if _, err := os.Stat(store); err != nil {
		return nil, nil, &NoVotesError{store, err}
	}
	s, err := study.Load(file)
	if err != nil {
		return nil, nil, err
	}
	v, err := study.Read(s, store)
	return v, s, err
}

// StudyReportOptions say of which study a report is made, and how.
type StudyReportOptions struct {
	File, Store string // see OpenVotes
	Screening   Screening
	Truth       Truth
	ReportOptions
}

// StudyReport reports on all trials of a study.
func (ms *Models) StudyReport(ctx context.Context, o StudyReportOptions) (*Report, error) {
	v, s, err := OpenVotes(o.File, o.Store)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	ballots, err := v.Ballots(ctx)
	if err != nil {
		return nil, err
	}
	if len(ballots) == 0 {
		return nil, ErrNoBallots
	}
	screening, err := o.Screening.over(s.Screening())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range s.Trials {
		names = append(names, t.Name)
	}
	var trials []Trial
	for _, shown := range v.Trials() {
		hr, err := o.Truth.hr(shown.Name, s.HRPath(s.Trials[slices.Index(names, shown.Name)]), names)
		if err != nil {
			return nil, err
		}
		trials = append(trials, Trial{
			Name: shown.Name, Samples: shown.Samples, LR: shown.Space.LR(), HR: hr,
			Protocol: shown.Protocol, Ties: ensemble.TieRule(s.Ties), Seed: s.Seed, Screening: screening,
		})
	}
	return ms.Report(ctx, s.Title, trials, ballots, o.ReportOptions)
}

// Chosen are the samples that the voters of a study chose in a trial.
type Chosen struct {
	Seeds     []uint64
	Trial     string
	Ballots   int
	Places    int  // that were to be filled; ties may fill more
	Simulated bool // nobody but simulated people voted
}

// ChosenOf returns the samples that the report of a study averages, of the
// trial that shows the space in dir.
func ChosenOf(ctx context.Context, file, store, dir string) (*Chosen, error) {
	votes, s, err := OpenVotes(file, store)
	if err != nil {
		return nil, err
	}
	defer votes.Close()
	ballots, err := votes.Ballots(ctx)
	if err != nil {
		return nil, err
	}
	t, err := trialOf(votes.Trials(), file, dir)
	if err != nil {
		return nil, err
	}
	if len(ensemble.OfTrial(ballots, t.Name)) == 0 {
		return nil, ErrNoBallots
	}
	tally, err := ensemble.Count(t.Name, ballots)
	if err != nil {
		return nil, err
	}
	top, err := tally.Top(t.Protocol.Combined, ensemble.TieRule(s.Ties), s.Seed)
	if err != nil {
		return nil, err
	}
	return &Chosen{top.Chosen, t.Name, tally.Ballots, top.K, simulated(ballots)}, nil
}

// OtherSpaceError is a study that shows no space in Dir.
type OtherSpaceError struct{ Study, Dir string }

func (e *OtherSpaceError) Error() string {
	return fmt.Sprintf("no trial of %s shows the space in %s", filepath.Base(e.Study), e.Dir)
}

// trialOf returns the trial that shows the space in dir.
func trialOf(trials []study.TrialSamples, file, dir string) (*study.TrialSamples, error) {
	here, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	for i, t := range trials {
		if there, err := os.Stat(t.Space.Dir()); err == nil && os.SameFile(here, there) {
			return &trials[i], nil
		}
	}
	return nil, &OtherSpaceError{file, dir}
}

// simulated reports whether no person cast any of the ballots.
func simulated(ballots []ensemble.Ballot) bool {
	return !slices.ContainsFunc(ballots, func(b ensemble.Ballot) bool { return !b.Simulated })
}
