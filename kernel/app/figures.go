package app

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
)

// figureColumns is how many pictures a row of Fig. 4 holds.
const figureColumns = 8

// Figure4 is the paper's Fig. 4 (d) and (e): the LR picture, the most picked
// samples with their votes, what they are combined to, and one ensemble for
// each rival reading.
func Figure4(r *ensemble.Report, t Trial) (image.Image, error) {
	bySeed := map[uint64]*picture.Image{}
	for _, sample := range t.Samples {
		bySeed[sample.Seed] = sample.Image
	}
	var labels []string
	var images []*picture.Image
	add := func(label string, img *picture.Image) { labels, images = append(labels, label), append(images, img) }
	first := t.Samples[0].Image
	if lr := t.LR; lr != nil && first.Width%lr.Width == 0 && first.Height%lr.Height == 0 {
		add("LR", lr.Enlarged(first.Width/lr.Width))
	}
	for _, seed := range r.All.Selection.Chosen {
		add(r.All.Tally.Of(seed).Label(), bySeed[seed])
	}
	combined := "their mean"
	switch r.Options.Combine {
	case ensemble.ByMedian:
		combined = "their median"
	case ensemble.ByVotes:
		combined = "mean by votes"
	}
	add(combined, r.All.Image)
	if p := r.All.Projected; p != nil {
		add("onto the LR", p.Image)
	}
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Image != nil {
			add(rival.Label(), rival.Image)
		}
	}
	figure, err := plane.Labelled(labels, images, min(len(images), figureColumns))
	if err != nil {
		return nil, err
	}
	return noted(figure, r)
}

// RivalsWall shows the ensemble and one for each rival reading, four times
// enlarged.
func RivalsWall(r *ensemble.Report) (image.Image, error) {
	tiles := []*picture.Image{r.All.Image}
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Image != nil {
			tiles = append(tiles, rival.Image)
		}
	}
	wall, err := plane.Wall(tiles, len(tiles), 4)
	if err != nil {
		return nil, err
	}
	return noted(wall, r)
}

// noted is a figure under the sentence that has to stand on it, if any.
func noted(figure image.Image, r *ensemble.Report) (image.Image, error) {
	if r.Note() == "" {
		return figure, nil
	}
	return plane.Headed(r.Note(), figure)
}

// ControlPlane draws a result's ensemble within the cloud of random ones of as
// many samples, by the first two metrics, with the other controls and, where
// there is one, the result without the participants excluded by screening. It
// is a PNG; nil where there are no two metrics.
func ControlPlane(r *ensemble.Report) ([]byte, error) {
	c := r.All.Controls
	if c == nil || len(c.Metrics) < 2 {
		return nil, nil
	}
	var points []plane.Point
	for _, scores := range c.Random {
		points = append(points, plane.Point{X: scores[0], Y: scores[1], Kind: plane.Control})
	}
	// Two choices of the same samples are one point with both names.
	add := func(e ensemble.Control, kind plane.Kind, label string) {
		same := func(p plane.Point) bool {
			return p.Kind != plane.Control && p.X == e.Scores[0] && p.Y == e.Scores[1]
		}
		if i := slices.IndexFunc(points, same); i >= 0 {
			points[i].Label += ", " + label
			return
		}
		points = append(points, plane.Point{Label: label, X: e.Scores[0], Y: e.Scores[1], Kind: kind})
	}
	add(c.Human, plane.Ensemble, c.Human.Name)
	if r.Kept != nil && r.Kept != r.All && r.Kept.Controls != nil {
		human, label := r.Kept.Controls.Human, "by those kept"
		if n := len(human.Samples); n != len(c.Human.Samples) {
			label += fmt.Sprintf(", of %d", n) // the cloud is of others
		}
		add(human, plane.Ensemble, label)
	}
	add(c.Medoid, plane.Method, c.Medoid.Name)
	add(c.All, plane.Method, c.All.Name)
	for _, best := range c.Best {
		add(best, plane.Method, best.Name)
	}
	title := fmt.Sprintf("%s: chosen, and %d random ensembles of %d", r.Trial, len(c.Random), len(c.Human.Samples))
	p := plane.New(title, axisLabel(c.Metrics[0]), axisLabel(c.Metrics[1]), points)
	p.Legend = map[plane.Kind]string{plane.Ensemble: c.Human.Name, plane.Method: "chosen without people"}
	var file bytes.Buffer
	if err := p.WritePNG(&file, 7*vg.Inch, 5.5*vg.Inch); err != nil {
		return nil, err
	}
	note := r.Note()
	if note == "" {
		return file.Bytes(), nil
	}
	img, err := png.Decode(&file)
	if err != nil {
		return nil, err
	}
	if img, err = noted(img, r); err != nil {
		return nil, err
	}
	return FigureFile(img, note)
}

func axisLabel(m ensemble.Metric) string {
	if m.LowerIsBetter {
		return m.Name + " ↓"
	}
	return m.Name + " ↑"
}
