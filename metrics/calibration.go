package metrics

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// The pictures that come with LPIPS; calibration/README.md has source and
// licence.
//
//go:embed calibration/*.png
var calibrationFiles embed.FS

// Sources of published scores.
const (
	fromPyIQA = "pyiqa, ResultsCalibra, official code of each metric"
	fromLPIPS = "LPIPS authors' code, torchvision's AlexNet, float64"
	fromDISTS = "DISTS authors' README, DISTS_pt.py"
)

// Published is a score that someone else published for a public pair.
type Published struct {
	Image, Ref string // files below the data folder
	Metric     string // id
	Value      string // as printed: its digits say how exact it is
	Source     string
}

// PublishedScores returns published scores of public pairs. Pairs I03, I06 and
// I19 are those of pyiqa's ResultsCalibra/official.csv, I04 is in its
// ResultsCalibra.md; r0 and r1 are in the repository of DISTS; ex_ref, ex_p0
// and ex_p1 in that of LPIPS.
func PublishedScores() []Published {
	var all []Published
	for _, p := range []struct {
		name, psnr, ssim, lpips, dists, pieapp, nrqm string
	}{
		{"I03", "21.11", "0.6993", "0.7237", "0.4742", "4.2976", "1.3894"},
		{"I04", "20.99", "0.9978", "0.2572", "0.1424", "3.9088", "8.9394"},
		{"I06", "27.01", "0.9989", "0.05079", "0.06825", "2.2620", "8.9735"},
		{"I19", "21.62", "0.6519", "0.4253", "0.3123", "3.4188", "6.3120"},
	} {
		for _, m := range []struct{ id, value string }{
			{"psnr/rgb/crop0", p.psnr}, {"ssim/gray-matlab/crop0", p.ssim}, {"lpips/alex/0.1", p.lpips},
			{"dists/noresize", p.dists}, {"pieapp/27", p.pieapp}, {nrqmID, p.nrqm},
		} {
			all = append(all, Published{"dist/" + p.name + ".bmp", "ref/" + p.name + ".bmp", m.id, m.value, fromPyIQA})
		}
	}
	return append(all,
		Published{"r1.png", "r0.png", "dists/pillow256", "0.3347", fromDISTS},
		Published{"ex_p0.png", "ex_ref.png", "lpips/alex/0.1", "0.7219", fromLPIPS},
		Published{"ex_p1.png", "ex_ref.png", "lpips/alex/0.1", "0.1376", fromLPIPS},
	)
}

// Calibration is a published score beside ours.
type Calibration struct {
	Published
	Ours float64
	Err  error // why there is no score, such as missing weights
}

// Agrees reports whether ours rounds to the published digits, or to one unit
// in the last of them beside: authors' code runs in float32.
func (c Calibration) Agrees() bool {
	want, err := strconv.ParseFloat(c.Value, 64)
	return err == nil && c.Err == nil && math.Abs(c.Ours-want) <= 1.5*math.Pow10(-c.Decimals())
}

// Decimals returns how many decimals were published.
func (c Calibration) Decimals() int {
	_, fraction, _ := strings.Cut(c.Value, ".")
	return len(fraction)
}

// Calibrate works out the published scores of the pairs found in dir, and of
// those built in. dir may be "": then only the latter. A folder without any of
// the pairs is an error.
func Calibrate(dir string, progress func(done, total int)) ([]Calibration, error) {
	var rows []Calibration
	found := false
	pictures := map[string]*picture.Image{}
	open := func(name string) (*picture.Image, error) {
		if m, ok := pictures[name]; ok {
			return m, nil
		}
		m, outside, err := openCalibration(dir, name)
		if err != nil {
			return nil, err
		}
		found = found || outside
		pictures[name] = m
		return m, nil
	}
	for _, p := range PublishedScores() {
		_, err := open(p.Image)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = open(p.Ref)
		}
		if err != nil {
			return nil, fmt.Errorf("calibration: %w", err)
		}
		rows = append(rows, Calibration{Published: p})
	}
	if dir != "" && !found {
		return nil, hint.With(fmt.Errorf("%s holds none of the published pairs: %w", dir, fs.ErrNotExist),
			"it should hold dist/I03.bmp and ref/I03.bmp of ResultsCalibra in github.com/chaofengc/IQA-PyTorch, or r0.png and r1.png of github.com/dingkeyan93/DISTS")
	}
	for i := range rows {
		row := &rows[i]
		m, err := Find(row.Metric)
		if err == nil {
			row.Ours, err = m.Score(pictures[row.Image], pictures[row.Ref])
		}
		row.Err = err
		if progress != nil {
			progress(i+1, len(rows))
		}
	}
	return rows, nil
}

// openCalibration reads a picture from dir, or else the one built in. outside
// says that it was in dir.
func openCalibration(dir, name string) (m *picture.Image, outside bool, err error) {
	if dir != "" {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			m, err := picture.ReadFile(path)
			return m, true, err
		}
	}
	f, err := calibrationFiles.Open("calibration/" + name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	m, err = picture.Decode(f)
	return m, false, err
}
