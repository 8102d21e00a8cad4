package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

// studyPicks makes what the voters of a study chose a pick list of the space:
// the samples that the study's report averages, by its protocol and tie rule.
func studyPicks(ctx context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	described, err := study.Load(req.Study)
	if err != nil {
		return nil, err
	}
	votes, err := openVotes(described, req)
	if err != nil {
		return nil, err
	}
	defer votes.Close()
	ballots, err := votes.Ballots(ctx)
	if err != nil {
		return nil, err
	}
	trial, err := s.trialOf(votes.Trials(), req.Study)
	if err != nil {
		return nil, err
	}
	tally, err := ensemble.Count(trial.Name, ballots)
	if err != nil {
		return nil, hint.With(err, "serve or simulate the study first")
	}
	top, err := tally.Top(trial.Protocol.Combined, ensemble.TieRule(described.Ties), described.Seed)
	if err != nil {
		return nil, err
	}
	picks, err := s.picksOf(top.Chosen)
	if err != nil {
		return nil, err
	}
	if len(picks) > wire.MaxCap {
		return nil, hint.With(fmt.Errorf("%d samples tie for the %d places of trial %q", len(picks), top.K, trial.Name),
			fmt.Sprintf("a list holds %d picks; choose another rule with ties: in %s", wire.MaxCap, filepath.Base(req.Study)))
	}
	note := fmt.Sprintf("most picked by %d %s of %s, trial %s", tally.Ballots, voters(ballots), filepath.Base(req.Study), trial.Name)
	out, err := editPicks(s.dir, s.name, req.Picks, func(l *pickList) error {
		if len(picks) > l.Cap {
			l.Cap = len(picks)
		}
		l.replace(wire.ByStudy, picks)
		l.Note = note
		return nil
	})
	return &wire.Result{Picks: out}, err
}

// openVotes opens the votes of a study to read them, also while it is served.
func openVotes(described *study.Study, req *wire.Request) (*study.Votes, error) {
	store := req.Store
	if store == "" {
		store = votesOf(req.Study)
	}
	if _, err := os.Stat(store); err != nil {
		return nil, hint.With(fmt.Errorf("no votes: %w", err), "serve or simulate the study first, or name the store of its votes")
	}
	return study.Read(described, store)
}

// votesOf is where a study's votes are by default.
func votesOf(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) + ".db" }

// trialOf returns the trial that shows the space.
func (s *space) trialOf(trials []study.TrialSamples, file string) (*study.TrialSamples, error) {
	here, err := os.Stat(s.dir)
	if err != nil {
		return nil, err
	}
	for i, t := range trials {
		if there, err := os.Stat(t.Space.Dir()); err == nil && os.SameFile(here, there) {
			return &trials[i], nil
		}
	}
	return nil, hint.With(fmt.Errorf("no trial of %s shows space %s", filepath.Base(file), s.name), "its trials name the folders of their spaces; this one is "+s.dir)
}

// voters says whether people voted.
func voters(ballots []ensemble.Ballot) string {
	for _, b := range ballots {
		if !strings.HasPrefix(b.Browser, "simulated ") {
			return "participants"
		}
	}
	return "simulated participants"
}
