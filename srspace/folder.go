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
	"github.com/trustsr/trustsr/internal/naturalorder"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ntireForm is the naming of the NTIRE challenge on learning the SR space:
// %06d_sample%05d.png, picture and sample.
var ntireForm = regexp.MustCompile(`^(\d{6,})_sample(\d{5,})\.png$`)

// OpenFolder opens a folder of PNG files made elsewhere, by any method, as a
// read-only space. A file named lr.png is the LR picture; other kinds of
// file, hidden files and sub-folders are passed over.
//
// A sample's seed is the number in its name: the sample number in NTIRE names
// (000003_sample00017.png has seed 17), else the only number in which the names
// differ (17.png, sample_17.png, x4_017.png). Where the names differ in more than
// one number, that one is not known: seeds then count from 0 in natural order,
// img2.png before img10.png; [Space.FileName] tells which file has a seed. Two
// files of one number (1.png and 01.png), and a file without a number beside
// 1.png, are refused, for a vote for 1 could mean either. All files must be
// samples of one picture: NTIRE names of several are refused. The files are
// decoded only when read.
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

// foreignSeeds returns the seeds of file names, which it sorts, by one rule for
// all.
func foreignSeeds(names []string) ([]uint64, error) {
	slices.SortFunc(names, naturalorder.Compare)
	if err := onePicture(names); err != nil {
		return nil, err
	}
	inOrder := make([]uint64, len(names))
	for i := range inOrder {
		inOrder[i] = uint64(i)
	}
	numbers, ok := numbersIn(names)
	if !ok {
		bare := slices.IndexFunc(names, bareNumber.MatchString)
		if bare < 0 {
			return inOrder, nil
		}
		other := slices.IndexFunc(names, func(name string) bool { return !bareNumber.MatchString(name) })
		if other < 0 { // all are, so that some number is too long
			return inOrder, nil
		}
		return nil, hint.With(fmt.Errorf("has %s, a number, beside %s, which is none: which is sample %s?", names[bare], names[other], strings.TrimSuffix(names[bare], filepath.Ext(names[bare]))),
			"give all files a number, or none; take other pictures out of the folder")
	}
	seeds := make([]uint64, len(names))
	first := map[uint64]string{}
	for i, number := range numbers {
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return inOrder, nil
		}
		if other, ok := first[seed]; ok {
			return nil, hint.With(fmt.Errorf("has %s and %s, both number %d", other, names[i], seed), "rename or remove one of the two")
		}
		first[seed] = names[i]
		seeds[i] = seed
	}
	return seeds, nil
}

// onePicture returns an error if NTIRE names are of several pictures.
func onePicture(names []string) error {
	var pictures []string
	for _, name := range names {
		m := ntireForm.FindStringSubmatch(name)
		if m == nil {
			return nil
		}
		if !slices.Contains(pictures, m[1]) {
			pictures = append(pictures, m[1])
		}
	}
	if len(pictures) > 1 {
		return hint.With(fmt.Errorf("holds samples of %d pictures (%s, %s, …)", len(pictures), pictures[0], pictures[1]), "put each picture's samples in a folder of its own")
	}
	return nil
}

// bareNumber is a file name that is a number and the extension.
var bareNumber = regexp.MustCompile(`^\d+\.[^.]+$`)

// numbersIn returns the number that tells each name from the others: the sample
// number of NTIRE names, the only number of a single name, or the one number in
// which names of equal parts differ. It reports whether there is one.
func numbersIn(names []string) ([]string, bool) {
	numbers := make([]string, len(names))
	ntire := true
	for i, name := range names {
		m := ntireForm.FindStringSubmatch(name)
		if ntire = ntire && m != nil; ntire {
			numbers[i] = m[2]
		}
	}
	if ntire {
		return numbers, true
	}
	parts := make([][]string, len(names))
	for i, name := range names {
		parts[i] = naturalorder.Parts(strings.TrimSuffix(name, filepath.Ext(name)))
		if len(parts[i]) != len(parts[0]) {
			return nil, false
		}
	}
	differs := -1
	for k := range parts[0] {
		same := true
		for i := range parts {
			same = same && parts[i][k] == parts[0][k]
		}
		switch {
		case same:
		case k%2 == 0, differs >= 0: // in text, or in a second number
			return nil, false
		default:
			differs = k
		}
	}
	if len(names) == 1 && len(parts[0]) == 3 {
		differs = 1
	}
	if differs < 0 {
		return nil, false
	}
	for i := range parts {
		numbers[i] = parts[i][differs]
	}
	return numbers, true
}
