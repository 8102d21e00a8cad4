package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// scoreValues bounds the pictures in memory at a time, in float32 values.
const scoreValues = 64 << 20

// scoreSet is what is scored against what.
type scoreSet struct {
	methods []scoreMethod
	hr, lr  *metrics.Files // nil where there are none
	options ScoreOptions

	turned  []string       // notes on pictures that their EXIF orientation turns
	decoded map[string]int // files by the decoder whose values they are read to
}

// scoreMethod is one --sr: a row of the table.
type scoreMethod struct {
	name    string
	pattern string
	files   *metrics.Files
	names   []string // of its pictures
}

// scoreGroup are pictures with the same references, few enough for memory.
type scoreGroup struct {
	hr, lr   string // paths, "" where there are none
	pictures []scorePicture
}

type scorePicture struct {
	method, name, path string
	values             int
}

// openScoreSet finds all files and checks names, sizes, bits and grey files
// before anything is scored.
func openScoreSet(o ScoreOptions, chosen []metrics.Metric) (*scoreSet, error) {
	s := &scoreSet{options: o}
	if err := o.checkPatterns(); err != nil {
		return nil, err
	}
	for _, m := range chosen {
		if m.Info().Reference == metrics.HR && o.HR == "" {
			return nil, &NoReferenceFilesError{m.Info().ID, metrics.HR}
		}
	}
	var err error
	if o.HR != "" {
		if s.hr, err = metrics.OpenFiles(o.HR, o.HRName); err != nil {
			return nil, &RoleError{"HR", err}
		}
	}
	if o.LR != "" {
		if s.lr, err = metrics.OpenFiles(o.LR, o.LRName); err != nil {
			return nil, &RoleError{"LR", err}
		}
	}
	for i, path := range o.SR {
		m := scoreMethod{name: filepath.Base(filepath.Clean(path)), pattern: o.srPattern(i)}
		if m.files, err = metrics.OpenFiles(path, m.pattern); err != nil {
			return nil, &RoleError{"SR", err}
		}
		if slices.ContainsFunc(s.methods, func(other scoreMethod) bool { return other.name == m.name }) {
			m.name = path
		}
		for what, refs := range map[string]*metrics.Files{"HR": s.hr, "LR": s.lr} {
			switch {
			case refs == nil:
			case m.files.Single() && !refs.Single():
				return nil, &RoleError{"SR", hint.With(fmt.Errorf("%s is one file, the %s images are a folder, %s", path, what, refs.Dir), "name the one file that belongs to it")}
			default:
				if err := m.files.Pair(refs); err != nil {
					return nil, &NamesError{err}
				}
			}
		}
		if m.names = m.files.Names(); m.files.Single() {
			base := filepath.Base(path)
			m.names = []string{strings.TrimSuffix(base, filepath.Ext(base))}
		}
		s.methods = append(s.methods, m)
	}
	return s, s.checkHeaders(chosen)
}

// srPattern is the name pattern of the i-th --sr.
func (o ScoreOptions) srPattern(i int) string {
	switch len(o.SRName) {
	case 0:
		return ""
	case 1:
		return o.SRName[0]
	}
	return o.SRName[i]
}

// checkPatterns returns an error unless there is a pattern for all --sr, or one
// for each.
func (o ScoreOptions) checkPatterns() error {
	if n := len(o.SRName); n > 1 && n != len(o.SR) {
		return &PatternsError{len(o.SR), n}
	}
	return nil
}

// noteFiles says what is not plain about the files: which are left out by their
// pattern, which lie in sub-folders, which are turned.
func (s *scoreSet) noteFiles(notes *ScoreNotes) {
	note := func(role string, files *metrics.Files, pattern string) {
		if files != nil && files.Below() != "" {
			notes.Files = append(notes.Files, fmt.Sprintf("%s: the pictures of %s are read from %s", role, files.Dir, files.Below()))
		}
		if files != nil && files.Skipped() > 0 {
			notes.Files = append(notes.Files, fmt.Sprintf("%s: %d files of %s do not fit %q and are left out", role, files.Skipped(), files.Dir, pattern))
		}
	}
	for _, m := range s.methods {
		note("SR", m.files, m.pattern)
	}
	note("HR", s.hr, s.options.HRName)
	note("LR", s.lr, s.options.LRName)
	for _, text := range s.turned {
		notes.add("pictures", errors.New(text))
	}
	for _, decoder := range slices.Sorted(maps.Keys(s.decoded)) {
		notes.add(decoder, fmt.Errorf("%d files are decoded to these", s.decoded[decoder]))
	}
}

// checkHeaders reads the headers of all files: a wrong one is found before an
// hour of scoring.
func (s *scoreSet) checkHeaders(chosen []metrics.Metric) error {
	seen := map[string]bool{}
	s.decoded = map[string]int{}
	describe := func(path string) (picture.FileInfo, error) {
		info, err := picture.Describe(path)
		if err == nil {
			err = metrics.CheckDepth(path, info)
		}
		if err == nil && !seen[path] {
			seen[path] = true
			if text := info.TurnedNote(path); text != "" {
				s.turned = append(s.turned, text)
			}
			if decoder := info.Decoder(); decoder != "" {
				s.decoded[decoder]++
			}
		}
		return info, err
	}
	var named []string
	for _, m := range chosen {
		if id := m.Info().ID; s.options.named(id) {
			named = append(named, id)
		}
	}
	for _, m := range s.methods {
		for _, name := range m.names {
			sr, err := describe(m.files.Path(name))
			if err != nil {
				return err
			}
			if s.hr != nil {
				hr, err := describe(s.hr.Path(name))
				if err != nil {
					return err
				}
				for _, id := range named {
					if err := metrics.CheckLuma(id, m.files.Path(name), s.hr.Path(name)); err != nil {
						return err
					}
				}
				if hr.Width != sr.Width || hr.Height != sr.Height {
					return hint.With(fmt.Errorf("%s is %d×%d, %s is %d×%d: %w", m.files.Path(name), sr.Width, sr.Height, s.hr.Path(name), hr.Width, hr.Height, metrics.ErrSize),
						"crop both to the same size first; which border goes is a choice to report")
				}
			}
			if s.lr != nil {
				lr, err := describe(s.lr.Path(name))
				if err != nil {
					return err
				}
				factor, err := metrics.Factor(sr.Width, sr.Height, lr.Width, lr.Height)
				if err != nil {
					return fmt.Errorf("%s, and its LR image %s: %w", m.files.Path(name), s.lr.Path(name), err)
				}
				if factor != s.options.Scale {
					return &FactorError{factor, fmt.Errorf("%s is %d×%d, its LR image %s is %d×%d: a factor of %d, and the scale is %d: %w", m.files.Path(name), sr.Width, sr.Height, s.lr.Path(name), lr.Width, lr.Height, factor, s.options.Scale, metrics.ErrSize)}
				}
			}
		}
	}
	return nil
}

// images returns how many images are scored.
func (s *scoreSet) images() int {
	n := 0
	for _, m := range s.methods {
		n += len(m.names)
	}
	return n
}

// groups returns the images by their references, so that what a metric needs of
// a reference is worked out once for all methods and samples.
func (s *scoreSet) groups() []scoreGroup {
	type key struct{ hr, lr string }
	at := map[key]int{}
	values := map[int]int{}
	var groups []scoreGroup
	for _, m := range s.methods {
		for _, name := range m.names {
			var k key
			if s.hr != nil {
				k.hr = s.hr.Path(name)
			}
			if s.lr != nil {
				k.lr = s.lr.Path(name)
			}
			p := scorePicture{method: m.name, name: name, path: m.files.Path(name)}
			if info, err := picture.Describe(p.path); err == nil {
				p.values = 3 * info.Width * info.Height
			}
			i, ok := at[k]
			if !ok || values[i]+p.values > scoreValues {
				i = len(groups)
				at[k] = i
				groups = append(groups, scoreGroup{hr: k.hr, lr: k.lr})
			}
			groups[i].pictures = append(groups[i].pictures, p)
			values[i] += p.values
		}
	}
	return groups
}

// load reads the pictures of a group and its references.
func (s *scoreSet) load(g scoreGroup) (pictures []*picture.Image, refs map[metrics.Reference]*picture.Image, err error) {
	refs = map[metrics.Reference]*picture.Image{}
	for reference, path := range map[metrics.Reference]string{metrics.HR: g.hr, metrics.LR: g.lr} {
		if path != "" {
			if refs[reference], err = metrics.ReadPicture(path); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, p := range g.pictures {
		img, err := metrics.ReadPicture(p.path)
		if err != nil {
			return nil, nil, err
		}
		pictures = append(pictures, img)
		for reference, path := range map[metrics.Reference]string{metrics.HR: g.hr, metrics.LR: g.lr} {
			if path != "" {
				if err := metrics.CheckChannels(p.path, path, img, refs[reference]); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return pictures, refs, nil
}

// scoreGroup scores the pictures of a group under all metrics.
func (s *scoreSet) scoreGroup(ctx context.Context, g scoreGroup, chosen []metrics.Metric, cache *metrics.Cache, notes *ScoreNotes, progress func(done int)) ([]metrics.Entry, error) {
	whole, refs, err := s.load(g)
	if err != nil {
		return nil, err
	}
	all := g
	var entries []metrics.Entry
	for i, m := range chosen {
		info := m.Info()
		if notes.missing[info.ID] {
			continue
		}
		g, pictures := withLuma(info.ID, all, whole, notes)
		if len(pictures) == 0 {
			continue
		}
		ref := refs[info.Reference]
		values, err := cache.ScoreAll(ctx, m, pictures, ref, func(done, _ int) { progress(i*len(whole) + done) })
		if NoScore(err) && !s.options.named(info.ID) {
			if errors.Is(err, metrics.ErrNoWeights) {
				notes.missing[info.ID] = true
				notes.add(info.ID, withoutIndex(err))
				continue
			}
			alone, err := s.scoreAlone(ctx, m, g, pictures, ref, cache, notes)
			if err != nil {
				return nil, err
			}
			entries = append(entries, alone...)
			continue
		}
		if err != nil {
			var at *metrics.ImageError
			if errors.As(err, &at) {
				return nil, fmt.Errorf("%s: %w", g.pictures[at.Index].path, at.Err)
			}
			return nil, err
		}
		info = m.Info() // the weights may have been read only now
		for k, p := range g.pictures {
			entries = append(entries, metrics.Entry{Row: p.method, Image: p.name, Score: metrics.Score{Passport: info, Value: values[k]}})
		}
	}
	return entries, nil
}

// withLuma returns the pictures of a group that have the luma a metric takes,
// if it does; the others are left out with a note.
func withLuma(id string, g scoreGroup, pictures []*picture.Image, notes *ScoreNotes) (scoreGroup, []*picture.Image) {
	with := scoreGroup{hr: g.hr, lr: g.lr}
	var loaded []*picture.Image
	for i, p := range g.pictures {
		if err := metrics.CheckLuma(id, p.path, g.hr); err != nil {
			notes.add(id, err)
			continue
		}
		with.pictures = append(with.pictures, p)
		loaded = append(loaded, pictures[i])
	}
	return with, loaded
}

// withoutIndex takes the index off an error about one of several images.
func withoutIndex(err error) error {
	var at *metrics.ImageError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
