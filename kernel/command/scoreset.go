package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// scoreValues bounds the pictures in memory at a time, in float32 values.
const scoreValues = 64 << 20

// scoreSet is what is scored against what.
type scoreSet struct {
	methods []scoreMethod
	hr, lr  *metrics.Files // nil where there are none
	options scoreOptions

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
func openScoreSet(o scoreOptions, chosen []metrics.Metric) (*scoreSet, error) {
	s := &scoreSet{options: o}
	if err := o.checkPatterns(); err != nil {
		return nil, err
	}
	for _, m := range chosen {
		if m.Info().Reference == metrics.HR && o.hr == "" {
			return nil, hint.With(fmt.Errorf("%s compares with HR images, and there is no --hr", m.Info().ID), "name their folder with --hr, or choose metrics that need none, such as lrpsnr/matlab-u8/vs-lr with --lr")
		}
	}
	var err error
	if o.hr != "" {
		if s.hr, err = metrics.OpenFiles(o.hr, o.hrName); err != nil {
			return nil, fmt.Errorf("--hr: %w", err)
		}
	}
	if o.lr != "" {
		if s.lr, err = metrics.OpenFiles(o.lr, o.lrName); err != nil {
			return nil, fmt.Errorf("--lr: %w", err)
		}
	}
	for i, path := range o.sr {
		m := scoreMethod{name: filepath.Base(filepath.Clean(path)), pattern: o.srPattern(i)}
		if m.files, err = metrics.OpenFiles(path, m.pattern); err != nil {
			return nil, fmt.Errorf("--sr: %w", err)
		}
		if slices.ContainsFunc(s.methods, func(other scoreMethod) bool { return other.name == m.name }) {
			m.name = path
		}
		for what, refs := range map[string]*metrics.Files{"--hr": s.hr, "--lr": s.lr} {
			switch {
			case refs == nil:
			case m.files.Single() && !refs.Single():
				return nil, hint.With(fmt.Errorf("--sr %s is one file, %s %s is a folder", path, what, refs.Dir), "name the one file that belongs to it")
			default:
				if err := m.files.Pair(refs); err != nil {
					return nil, withFlagHint(err)
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
func (o scoreOptions) srPattern(i int) string {
	switch len(o.srName) {
	case 0:
		return ""
	case 1:
		return o.srName[0]
	}
	return o.srName[i]
}

// checkPatterns returns an error unless there is a pattern for all --sr, or one
// for each.
func (o scoreOptions) checkPatterns() error {
	if n := len(o.srName); n > 1 && n != len(o.sr) {
		return hint.With(fmt.Errorf("%d --sr and %d --sr-name", len(o.sr), n), "give --sr-name once for all, or once for each --sr in the same order; '{}' is a name as it is")
	}
	return nil
}

// noteFiles says what is not plain about the files: which are left out by their
// pattern, which lie in sub-folders, which are turned. What belongs to the
// record is added to notes too.
func (s *scoreSet) noteFiles(w io.Writer, notes *scoreNotes) {
	note := func(flag string, files *metrics.Files, pattern string) {
		if files != nil && files.Below() != "" {
			fmt.Fprintf(w, "note: %s: the pictures of %s are read from %s\n", flag, files.Dir, files.Below())
		}
		if files != nil && files.Skipped() > 0 {
			fmt.Fprintf(w, "note: %s: %d files of %s do not fit %q and are passed over\n", flag, files.Skipped(), files.Dir, pattern)
		}
	}
	for _, m := range s.methods {
		note("--sr", m.files, m.pattern)
	}
	note("--hr", s.hr, s.options.hrName)
	note("--lr", s.lr, s.options.lrName)
	for _, text := range s.turned {
		notes.add("pictures", errors.New(text))
	}
	for _, decoder := range slices.Sorted(maps.Keys(s.decoded)) {
		notes.add(decoder, fmt.Errorf("%d files are decoded to these", s.decoded[decoder]))
	}
}

// withFlagHint says which flags take the patterns that a hint speaks of.
func withFlagHint(err error) error {
	return hint.With(err, hint.Of(err)+" (flags --sr-name, --hr-name, --lr-name)")
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
				if factor != s.options.scale {
					return hint.With(fmt.Errorf("%s is %d×%d, its LR image %s is %d×%d: a factor of %d, and --scale is %d: %w", m.files.Path(name), sr.Width, sr.Height, s.lr.Path(name), lr.Width, lr.Height, factor, s.options.scale, metrics.ErrSize),
						fmt.Sprintf("name the LR images of this factor, or give --scale %d", factor))
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
func (s *scoreSet) scoreGroup(ctx context.Context, g scoreGroup, chosen []metrics.Metric, cache *metrics.Cache, notes *scoreNotes, progress func(done int)) ([]metrics.Entry, error) {
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
		if app.NoScore(err) && !s.options.named(info.ID) {
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
func withLuma(id string, g scoreGroup, pictures []*picture.Image, notes *scoreNotes) (scoreGroup, []*picture.Image) {
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

// scoreNotes are metrics and images without a score, and why.
type scoreNotes struct {
	missing map[string]bool // ids without weights
	list    []scoreNote
}

type scoreNote struct {
	Metric string `json:"metric"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

func (n *scoreNotes) add(id string, err error) {
	n.list = append(n.list, scoreNote{id, err.Error(), hint.Of(err)})
}

// print writes each kind of note once, with the number of its like.
func (n *scoreNotes) print(w io.Writer) {
	first := map[string]scoreNote{}
	count := map[string]int{}
	var order []string
	for _, note := range n.list {
		if count[note.Metric] == 0 {
			order = append(order, note.Metric)
			first[note.Metric] = note
		}
		count[note.Metric]++
	}
	for _, id := range order {
		note := first[id]
		fmt.Fprintf(w, "note: %s: %s", id, strings.TrimPrefix(note.Reason, id+": "))
		if count[id] > 1 {
			fmt.Fprintf(w, ", and %d images more", count[id]-1)
		}
		fmt.Fprintln(w)
		if note.Hint != "" {
			fmt.Fprintln(w, "hint:", note.Hint)
		}
	}
}
