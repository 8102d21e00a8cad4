package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/metrics/ntire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// sampleNames are the names of the NTIRE challenges: 000001_sample00003 is
// sample 3 of picture 000001.
var sampleNames = regexp.MustCompile(`^(.+)_sample[0-9]+$`)

// samplesOf are the files of a method's samples of one picture.
type samplesOf struct {
	method, picture, hr string
	paths               []string
}

// ScoreNTIRE scores sets of samples as measure.py of the NTIRE challenges
// "Learning the SR Space" does: diversity and LR consistency. It returns the
// number of samples of a picture too. Metrics, LR and Maps are not looked at.
func ScoreNTIRE(ctx context.Context, o ScoreOptions) (scored *Scored, samples int, err error) {
	o.setDefaults()
	if o.Scale < 1 || o.Scale > 1<<10 {
		return nil, 0, fmt.Errorf("%w: a scale of %d", metrics.ErrUnknown, o.Scale)
	}
	scored = &Scored{}
	sets, err := openNTIRE(o, &scored.Notes)
	if err != nil {
		return nil, 0, err
	}
	samples = len(sets[0].paths)
	lpips, err := metrics.LPIPSAlex()
	if err != nil {
		return nil, 0, err
	}
	total, done := samples*len(sets), 0
	var hr *picture.Image // the reference that the samples to come share
	var toHR func(image *picture.Image) (*metrics.Map, error)
	spatial := func(image, ref *picture.Image) (*metrics.Map, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if ref != hr {
			prepared, err := lpips.PrepareMap(ref)
			if err != nil {
				return nil, err
			}
			hr, toHR = ref, prepared
		}
		m, err := toHR(image)
		done++
		if o.Progress != nil {
			o.Progress(done, total)
		}
		return m, err
	}
	for _, s := range sets {
		result, err := s.measure(o.Scale, spatial)
		if err != nil && ctx.Err() != nil {
			return nil, 0, &StoppedScoringError{done, total, false}
		}
		if err != nil {
			return nil, 0, err
		}
		scores := result.Scores(samples, o.Scale, lpips.Info().Weights)
		if scored.Table == nil {
			var columns []metrics.Info
			for _, score := range scores {
				columns = append(columns, score.Passport)
			}
			if scored.Table, err = metrics.NewTable(columns...); err != nil {
				return nil, 0, err
			}
		}
		for _, score := range scores {
			if err := scored.Table.Add(s.method, s.picture, score); err != nil {
				return nil, 0, err
			}
		}
	}
	return scored, samples, nil
}

// openNTIRE finds the samples of each method and picture, and checks names,
// numbers, sizes and bits: every picture must have as many samples, because
// diversity grows with them.
func openNTIRE(o ScoreOptions, notes *ScoreNotes) ([]samplesOf, error) {
	if o.HR == "" {
		return nil, &NoReferenceFilesError{"the diversity of samples", metrics.HR}
	}
	hr, err := metrics.OpenFiles(o.HR, o.HRName)
	if err != nil {
		return nil, &RoleError{"HR", err}
	}
	names := hr.Names()
	if hr.Single() {
		base := filepath.Base(o.HR)
		names = []string{strings.TrimSuffix(base, filepath.Ext(base))}
	}
	var all []samplesOf
	if err := o.checkPatterns(); err != nil {
		return nil, err
	}
	for i, path := range o.SR {
		files, err := metrics.OpenFiles(path, o.srPattern(i))
		if err != nil {
			return nil, &RoleError{"SR", err}
		}
		if files.Single() {
			return nil, &RoleError{"SR", hint.With(fmt.Errorf("%s is one file: %w", path, ntire.ErrNoSamples), "name the folder of the samples")}
		}
		method := filepath.Base(filepath.Clean(path))
		if slices.ContainsFunc(all, func(s samplesOf) bool { return s.method == method }) {
			method = path
		}
		paths, err := samplesByPicture(files, hr, names, notes)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			s := samplesOf{method, name, hr.Path(name), paths[name]}
			if len(s.paths) == 0 {
				return nil, fmt.Errorf("%s has no sample of %s: %w", path, s.hr, metrics.ErrNames)
			}
			if len(all) > 0 && len(s.paths) != len(all[0].paths) {
				return nil, hint.With(fmt.Errorf("%s has %d samples of %s, %s has %d of %s: %w", method, len(s.paths), name, all[0].method, len(all[0].paths), all[0].picture, metrics.ErrNames),
					"diversity depends on their number: give each picture as many")
			}
			all = append(all, s)
		}
	}
	for _, s := range all {
		if err := s.checkHeaders(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// samplesByPicture returns the files of samples by the name of their HR picture.
func samplesByPicture(files, hr *metrics.Files, names []string, notes *ScoreNotes) (map[string][]string, error) {
	paths := map[string][]string{}
	if hr.Single() {
		for _, name := range files.Names() {
			paths[names[0]] = append(paths[names[0]], files.Path(name))
		}
		return paths, nil
	}
	const advice = "samples are called as in the NTIRE challenges, 000001_sample00003.png beside the HR image 000001.png; or 000000_sample00003.png, by numbers from 0, beside as many HR images of other names"
	byPicture := map[string][]string{}
	var pictures []string
	unknown := ""
	for _, name := range files.Names() {
		m := sampleNames.FindStringSubmatch(name)
		if m == nil {
			return nil, &NamesError{hint.With(fmt.Errorf("%s is a sample of no picture of %s: %w", files.Path(name), hr.Dir, metrics.ErrNames), advice)}
		}
		if _, ok := byPicture[m[1]]; !ok {
			pictures = append(pictures, m[1])
		}
		byPicture[m[1]] = append(byPicture[m[1]], files.Path(name))
		if unknown == "" && !slices.Contains(names, m[1]) {
			unknown = files.Path(name)
		}
	}
	if unknown == "" {
		return byPicture, nil
	}
	of, err := ntire.ByNumber(names, pictures)
	if err != nil {
		return nil, &NamesError{hint.With(fmt.Errorf("%s is a sample of no picture of %s: %w", unknown, hr.Dir, err), advice)}
	}
	first, last := pictures[0], pictures[len(pictures)-1]
	notes.Files = append(notes.Files, fmt.Sprintf("the samples of %s to %s are those of the HR images %s to %s, by their order", first, last, of[first], of[last]))
	for _, number := range pictures {
		paths[of[number]] = byPicture[number]
	}
	return paths, nil
}

func (s samplesOf) checkHeaders() error {
	var first picture.FileInfo
	for i, path := range slices.Concat([]string{s.hr}, s.paths) {
		info, err := picture.Describe(path)
		if err != nil {
			return err
		}
		if err := metrics.CheckDepth(path, info); err != nil {
			return err
		}
		if i == 0 {
			first = info
		} else if info.Width != first.Width || info.Height != first.Height {
			return fmt.Errorf("%s is %d×%d, %s is %d×%d: %w", path, info.Width, info.Height, s.hr, first.Width, first.Height, metrics.ErrSize)
		}
	}
	return nil
}

// measure reads the samples of a picture and measures them.
func (s samplesOf) measure(scale int, spatial ntire.Spatial) (ntire.Result, error) {
	hr, err := metrics.ReadPicture(s.hr)
	if err != nil {
		return ntire.Result{}, err
	}
	samples := make([]*picture.Image, len(s.paths))
	for i, path := range s.paths {
		if samples[i], err = metrics.ReadPicture(path); err != nil {
			return ntire.Result{}, err
		}
		if err := metrics.CheckChannels(path, s.hr, samples[i], hr); err != nil {
			return ntire.Result{}, err
		}
	}
	result, err := ntire.Measure(samples, hr, scale, spatial)
	if errors.Is(err, metrics.ErrTooSmall) {
		err = hint.With(err, "the challenges' LPIPS needs 32 pixels a side, once cut to multiples of 8")
	}
	if err != nil {
		return ntire.Result{}, fmt.Errorf("%s: %w", s.hr, err)
	}
	return result, nil
}
