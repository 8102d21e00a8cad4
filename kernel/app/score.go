package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ScoreOptions say which pictures are scored against which, and how.
type ScoreOptions struct {
	SR             []string // folders or files; each is a row
	HR, LR         string   // folder or file; "" for none
	SRName         []string // patterns of the names in SR: none, one for all, or one for each
	HRName, LRName string
	Metrics        string // presets and ids, see metrics.Select; "" is paper
	Scale          int    // factor of super-resolution; 0 is metrics.DefaultScale
	Maps           string // folder for spatial maps; "" for none
	Cache          string // folder of known scores; "" is the user's, NoCache keeps none

	Progress func(done, total int) // of the scores; may be nil
}

// NoCache is the cache that keeps nothing.
const NoCache = "none"

// Scored is a table of scores, and what there is to know about it.
type Scored struct {
	Table *metrics.Table
	Notes ScoreNotes
}

// ScoreNotes say what is not plain about the files, and which metrics and
// pictures have no score, and why.
type ScoreNotes struct {
	Files []string
	List  []ScoreNote

	missing map[string]bool // ids without weights
}

// ScoreNote says why a metric has no score, or another one than asked for.
type ScoreNote struct {
	Metric string `json:"metric"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"` // see Advise

	err error
}

func (n *ScoreNotes) add(id string, err error) {
	n.List = append(n.List, ScoreNote{Metric: id, Reason: err.Error(), Hint: hint.Of(err), err: err})
}

// Advise puts a front end's advice on each reason into its hint.
func (n *ScoreNotes) Advise(on func(error) string) {
	for i := range n.List {
		n.List[i].Hint = on(n.List[i].err)
	}
}

// Short returns each kind of note once, with the number of its like.
func (n *ScoreNotes) Short() []ScoreNote {
	var out []ScoreNote
	count := map[string]int{}
	for _, note := range n.List {
		if count[note.Metric]++; count[note.Metric] == 1 {
			note.Reason = strings.TrimPrefix(note.Reason, note.Metric+": ")
			out = append(out, note)
		}
	}
	for i := range out {
		if more := count[out[i].Metric] - 1; more > 0 {
			out[i].Reason += fmt.Sprintf(", and %d images more", more)
		}
	}
	return out
}

// Errors about the files of a score.
type (
	// RoleError is an error about the SR, HR or LR images.
	RoleError struct {
		Role string // "SR", "HR" or "LR"
		Err  error
	}
	// NoReferenceFilesError is a metric that compares with images that are not
	// named.
	NoReferenceFilesError struct {
		Metric    string
		Reference metrics.Reference
	}
	// NamesError is a set of files whose names do not pair.
	NamesError struct{ Err error }
	// PatternsError is a number of name patterns that fits no number of rows.
	PatternsError struct{ Rows, Patterns int }
	// FactorError is LR images of another factor than the scale.
	FactorError struct {
		Factor int
		Err    error
	}
	// StoppedScoringError is scoring that was interrupted: the same call
	// continues it if there is a cache.
	StoppedScoringError struct {
		Done, Total int
		Kept        bool
	}
)

func (e *RoleError) Error() string { return e.Role + ": " + e.Err.Error() }
func (e *RoleError) Unwrap() error { return e.Err }

func (e *NoReferenceFilesError) Error() string {
	return fmt.Sprintf("%s compares with %s images, and there are none", e.Metric, e.Reference)
}

func (e *NamesError) Error() string { return e.Err.Error() }
func (e *NamesError) Unwrap() error { return e.Err }

func (e *PatternsError) Error() string {
	return fmt.Sprintf("%d folders or files to score and %d patterns of names", e.Rows, e.Patterns)
}

func (e *FactorError) Error() string { return e.Err.Error() }
func (e *FactorError) Unwrap() error { return e.Err }

func (e *StoppedScoringError) Error() string {
	return fmt.Sprintf("stopped after about %d of %d scores", e.Done, e.Total)
}

// ErrNoScores is wrapped where no metric has a score.
var ErrNoScores = errors.New("no metric has a score")

func (o *ScoreOptions) setDefaults() {
	if o.Metrics == "" {
		o.Metrics = "paper"
	}
	if o.Scale == 0 {
		o.Scale = metrics.DefaultScale
	}
}

// Score scores pictures against HR and LR pictures. Names, sizes and bits of
// all files are checked before anything is scored. Where err wraps ErrNoScores,
// the notes say why.
func Score(ctx context.Context, o ScoreOptions) (*Scored, error) {
	o.setDefaults()
	chosen, err := metrics.Select(o.Metrics, o.Scale)
	if err != nil {
		return nil, err
	}
	chosen = metrics.AtFactor(chosen, o.Scale)
	out := &Scored{Notes: ScoreNotes{missing: map[string]bool{}}}
	notes := &out.Notes
	if chosen, err = withoutLR(chosen, o, notes); err != nil {
		return nil, err
	}
	set, err := openScoreSet(o, chosen)
	if err != nil {
		return nil, err
	}
	set.noteFiles(notes)
	if o.Maps != "" {
		if err := os.MkdirAll(o.Maps, 0o777); err != nil {
			return nil, &OptionError{"Maps", err.Error()}
		}
	}
	cache, err := openScoreCache(o.Cache)
	if err != nil {
		return nil, err
	}
	defer cache.Close()
	total := set.images() * len(chosen)
	done := 0
	progress := func(n int) {
		if o.Progress != nil {
			o.Progress(done+n, total)
		}
	}
	var found []metrics.Entry
	for _, group := range set.groups() {
		entries, err := set.scoreGroup(ctx, group, chosen, cache, notes, progress)
		if err != nil && ctx.Err() != nil {
			return nil, &StoppedScoringError{done, total, cache != nil}
		}
		if err != nil {
			return nil, err
		}
		found = append(found, entries...)
		done += len(group.pictures) * len(chosen)
		progress(0)
	}
	if out.Table, err = tableOf(chosen, found); err != nil {
		return nil, err
	}
	if o.Maps != "" {
		if err := writeMaps(ctx, o.Maps, set, chosen); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return out, ErrNoScores
	}
	return out, nil
}

// Explained is a pair of pictures under the conventions of all presets.
type Explained struct {
	Method, Image string
	SR, HR        string // files
	Width, Height int
	Rows          []metrics.Explanation
}

// Explain scores each pair under all presets. each is called with one pair
// after the other.
func Explain(ctx context.Context, o ScoreOptions, each func(Explained) error) (*ScoreNotes, error) {
	o.setDefaults()
	if o.HR == "" {
		return nil, &NoReferenceFilesError{"the explanation", metrics.HR}
	}
	set, err := openScoreSet(o, nil)
	if err != nil {
		return nil, err
	}
	notes := &ScoreNotes{missing: map[string]bool{}}
	set.noteFiles(notes)
	for _, g := range set.groups() {
		pictures, refs, err := set.load(g)
		if err != nil {
			return nil, err
		}
		for i, p := range g.pictures {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			progress := o.Progress
			if progress == nil {
				progress = func(int, int) {}
			}
			rows, err := metrics.ExplainAt(pictures[i], refs[metrics.HR], refs[metrics.LR], o.Scale, progress)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.path, err)
			}
			for k := range rows {
				if err := metrics.CheckLuma(rows[k].Score.Passport.ID, p.path, g.hr); err != nil {
					rows[k].Err = err
				}
			}
			if err := each(Explained{p.method, p.name, p.path, g.hr, pictures[i].Width, pictures[i].Height, rows}); err != nil {
				return nil, err
			}
		}
	}
	return notes, nil
}

// named reports whether the list of metrics has the id itself, in whatever spelling, not
// in a preset.
func (o ScoreOptions) named(id string) bool {
	for item := range strings.SplitSeq(o.Metrics, ",") {
		item = strings.TrimSpace(item)
		if item == id {
			return true
		}
		if m, err := metrics.Find(item); err == nil && m.Info().ID == id {
			return true
		}
	}
	return false
}

// withoutLR puts LR consistency against the downscaled HR image in the place
// of that against LR images where none are given.
func withoutLR(chosen []metrics.Metric, o ScoreOptions, notes *ScoreNotes) ([]metrics.Metric, error) {
	if o.LR != "" {
		return chosen, nil
	}
	chosen = slices.Clone(chosen)
	for i, m := range chosen {
		if m.Info().Reference != metrics.LR {
			continue
		}
		lrpsnr, ok := m.(metrics.LRPSNRMetric)
		if !ok || o.named(m.Info().ID) {
			return nil, &NoReferenceFilesError{m.Info().ID, metrics.LR}
		}
		lrpsnr.Scale, lrpsnr.Factor = o.Scale, 0
		chosen[i] = lrpsnr
		notes.add(m.Info().ID, fmt.Errorf("there are no LR images: against the HR images downscaled by %d, %s", o.Scale, lrpsnr.Info().ID))
	}
	// The id put in may have been asked for too.
	seen := map[string]bool{}
	return slices.DeleteFunc(chosen, func(m metrics.Metric) bool {
		id := m.Info().ID
		again := seen[id]
		seen[id] = true
		return again
	}), nil
}

// openScoreCache opens the cache of a folder, "" for the user's, or none.
func openScoreCache(dir string) (*metrics.Cache, error) {
	switch dir {
	case NoCache:
		return nil, nil
	case "":
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, &OptionError{"Cache", err.Error()}
		}
		dir = filepath.Join(user, "trustsr", "scores")
	}
	return metrics.OpenCache(dir)
}

// tableOf enters scores into a table with a column for each metric that has
// any.
func tableOf(chosen []metrics.Metric, found []metrics.Entry) (*metrics.Table, error) {
	var columns []metrics.Info
	for _, m := range chosen {
		info := m.Info()
		if slices.ContainsFunc(found, func(e metrics.Entry) bool { return e.Score.Passport == info }) {
			columns = append(columns, info)
		}
	}
	table, err := metrics.NewTable(columns...)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if err := table.Add(e.Row, e.Image, e.Score); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// scoreAlone scores the pictures of a group one by one, when one of them has no
// score; those that have none are left out with a note.
func (s *scoreSet) scoreAlone(ctx context.Context, m metrics.Metric, g scoreGroup, loaded []*picture.Image, ref *picture.Image, cache *metrics.Cache, notes *ScoreNotes) ([]metrics.Entry, error) {
	var entries []metrics.Entry
	for i, p := range g.pictures {
		values, err := cache.ScoreAll(ctx, m, loaded[i:i+1], ref, nil)
		if NoScore(err) {
			notes.add(m.Info().ID, fmt.Errorf("%s: %w", p.path, withoutIndex(err)))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, withoutIndex(err))
		}
		entries = append(entries, metrics.Entry{Row: p.method, Image: p.name, Score: metrics.Score{Passport: m.Info(), Value: values[0]}})
	}
	return entries, nil
}
