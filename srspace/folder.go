package srspace

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ntireForm is the naming of the NTIRE challenge on learning the SR space:
// %06d_sample%05d.png, picture and sample.
var ntireForm = regexp.MustCompile(`^(\d{6,})_sample(\d{5,})\.png$`)

// OpenFolder opens a folder of PNG files made elsewhere, by any method, as a
// read-only space. A file named lr.png is the LR picture; other kinds of
// file, hidden files and sub-folders are passed over.
//
// A sample's seed is the sample number in NTIRE names (000003_sample00017.png
// has seed 17) or the number that is the whole name (17.png, 000017.png); if
// any file is named otherwise, or two have the same number, seeds count from 0
// in the order of the names. All files must be samples of one picture: NTIRE
// names of several are refused. The files are decoded only when read.
func OpenFolder(dir string) (*Space, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, hint.With(fmt.Errorf("open folder: %w", err), "check the path; a single picture is not a space")
	}
	s := &Space{dir: dir, foreign: map[uint64]string{}}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || !strings.EqualFold(filepath.Ext(name), ".png") {
			continue
		}
		// Through links, as people link to large results; never to a pipe.
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if name == lrName {
			if s.lr, err = picture.ReadFile(filepath.Join(dir, name)); err != nil {
				return nil, err
			}
			s.manifest.LRHash = s.lr.Hash()
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		advice := "the folder must hold the samples as .png files"
		if _, err := os.Stat(filepath.Join(dir, manifestName)); err == nil {
			advice = "it is a space: use Open"
		}
		return nil, hint.With(fmt.Errorf("open folder: %s holds no png", dir), advice)
	}
	seeds, err := foreignSeeds(names)
	if err != nil {
		return nil, fmt.Errorf("open folder: %s %w", dir, err)
	}
	for i, name := range names {
		s.foreign[seeds[i]] = name
	}
	return s, nil
}

// foreignSeeds reads the seeds off sorted file names, by one rule for all.
func foreignSeeds(names []string) ([]uint64, error) {
	seeds := make([]uint64, len(names))
	var pictures []string
	ntire := true
	for i, name := range names {
		m := ntireForm.FindStringSubmatch(name)
		if m == nil {
			ntire = false
			break
		}
		var err error
		if seeds[i], err = strconv.ParseUint(m[2], 10, 64); err != nil {
			ntire = false
			break
		}
		if !slices.Contains(pictures, m[1]) {
			pictures = append(pictures, m[1])
		}
	}
	if ntire && len(pictures) > 1 {
		return nil, hint.With(fmt.Errorf("holds samples of %d pictures (%s, %s, …)", len(pictures), pictures[0], pictures[1]), "put each picture's samples in a folder of its own")
	}
	if ntire && distinct(seeds) {
		return seeds, nil
	}
	if numbered(names, seeds) && distinct(seeds) {
		return seeds, nil
	}
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	return seeds, nil
}

// numbered fills in the seeds of names that are a number and ".png", and
// reports whether all are.
func numbered(names []string, seeds []uint64) bool {
	for i, name := range names {
		digits := name[:len(name)-len(".png")]
		seed, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return false
		}
		seeds[i] = seed
	}
	return true
}

func distinct(seeds []uint64) bool {
	sorted := slices.Sorted(slices.Values(seeds))
	return len(slices.Compact(sorted)) == len(seeds)
}
