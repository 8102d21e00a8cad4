package command

import (
	"bytes"
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace/plane"
)

// controlPlane draws a result's ensemble within the cloud of random ones of as
// many samples, by the first two metrics, with the other controls and, where
// there is one, the result without those set apart. It is nil where there are
// no two metrics.
func controlPlane(r *ensemble.Report) ([]byte, error) {
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
	title := fmt.Sprintf("%s: chosen, and %d ensembles of %d by lot", r.Trial, len(c.Random), len(c.Human.Samples))
	p := plane.New(title, axis(c.Metrics[0]), axis(c.Metrics[1]), points)
	p.Legend = map[plane.Kind]string{plane.Ensemble: "chosen by people", plane.Method: "chosen without people"}
	var file bytes.Buffer
	if err := p.WritePNG(&file, 7*vg.Inch, 5.5*vg.Inch); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

func axis(m ensemble.Metric) string {
	if m.LowerIsBetter {
		return m.Name + " ↓"
	}
	return m.Name + " ↑"
}
