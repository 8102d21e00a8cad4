package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"gonum.org/v1/plot/vg"
)

// planeControls is how many ensembles drawn by lot are shown.
const planeControls = 100

// planeData is all that the linked plane shows, but for the picks.
type planeData struct {
	Space   string       `json:"space"`
	Title   string       `json:"title"`
	Recipe  string       `json:"recipe"`
	Cap     int          `json:"cap"` // of the list, and the size of a control
	Axes    []axis       `json:"axes"`
	X       string       `json:"x"` // axis shown first
	Y       string       `json:"y"`
	Points  []planePoint `json:"points"`
	Sheet   sheetData    `json:"sheet"`
	LR      int          `json:"lr"`      // tile of the LR picture; -1 where it is not known
	Bicubic int          `json:"bicubic"` // of its bicubic enlargement, likewise
	HR      int          `json:"hr"`      // and of the truth
}

// sheetData is a sheet of pictures of one size, in rows of Columns.
type sheetData struct {
	URL     string `json:"url"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Columns int    `json:"columns"`
	Tiles   int    `json:"tiles"`
}

// planePoint is an image on the plane. Seeds are strings: a browser's numbers
// do not hold 64 bits.
type planePoint struct {
	Kind    string   `json:"kind"` // sample, single, method, ensemble, control
	Label   string   `json:"label"`
	Seed    string   `json:"seed,omitempty"` // of a sample
	Address string   `json:"address,omitempty"`
	Seeds   []string `json:"seeds,omitempty"` // what an ensemble is made of
	List    string   `json:"list,omitempty"`  // whose picks they are
	Tile    int      `json:"tile"`
	Scores  []score  `json:"scores"` // in the order of the axes
}

// score is a number that JSON may not have: infinities are "inf" and "-inf".
type score float64

// MarshalJSON writes a finite number as such.
func (s score) MarshalJSON() ([]byte, error) {
	switch v := float64(s); {
	case math.IsInf(v, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-inf"`), nil
	case math.IsNaN(v):
		return []byte("null"), nil
	default:
		return strconv.AppendFloat(nil, v, 'g', 7, 64), nil
	}
}

// entrant is an image to be put on the plane.
type entrant struct {
	point planePoint
	kind  plane.Kind
	image *picture.Image
}

var kindNames = map[plane.Kind]string{
	plane.Sample: "sample", plane.Single: "single", plane.Method: "method", plane.Ensemble: "ensemble", plane.Control: "control",
}

// entrants returns all samples, other methods, the ensembles of the list and
// of the space's other lists where they have picks, and ensembles that nobody
// chose: of random samples, as many as the list may hold, and of all.
func (s *space) entrants(list *wire.Picks) ([]entrant, error) {
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	if len(seeds) == 0 {
		return nil, s.empty()
	}
	var all []entrant
	add := func(kind plane.Kind, label string, img *picture.Image) *planePoint {
		all = append(all, entrant{planePoint{Kind: kindNames[kind], Label: label}, kind, img})
		return &all[len(all)-1].point
	}
	for i, seed := range seeds {
		kind, label := plane.Sample, fmt.Sprintf("sample %d", seed)
		if i == 0 { // the first one drawn: nobody chose it
			kind, label = plane.Single, fmt.Sprintf("one random sample (%d)", seed)
		}
		p := add(kind, label, images[i])
		p.Seed, p.Address = strconv.FormatUint(seed, 10), s.store.Address(seed).String()
	}
	methods, err := s.methods()
	if err != nil {
		return nil, err
	}
	for _, m := range methods {
		add(plane.Method, m.caption, m.image)
	}
	others, err := s.otherLists(list.Name)
	if err != nil {
		return nil, err
	}
	for _, l := range append([]*wire.Picks{list}, others...) {
		if len(l.Seeds) == 0 {
			continue
		}
		mean, err := s.mean(l)
		if err != nil {
			return nil, err
		}
		label := meanName(l)
		if l != list {
			label += fmt.Sprintf(" of list %q", l.Name)
		}
		p := add(plane.Ensemble, label, mean)
		p.Seeds, p.List = seedStrings(l.Seeds), l.Name
	}
	mean, err := ensemble.Mean(images)
	if err != nil {
		return nil, err
	}
	add(plane.Control, fmt.Sprintf("mean of all %d samples", len(seeds)), mean)
	if list.Cap < 2 || list.Cap >= len(seeds) {
		return all, nil
	}
	at := map[uint64]*picture.Image{}
	for i, seed := range seeds {
		at[seed] = images[i]
	}
	for draw := range planeControls {
		lot := ensemble.Order(0, "control", strconv.Itoa(draw), seeds)[:list.Cap]
		slices.Sort(lot)
		var of []*picture.Image
		for _, seed := range lot {
			of = append(of, at[seed])
		}
		mean, err := ensemble.Mean(of)
		if err != nil {
			return nil, err
		}
		add(plane.Control, fmt.Sprintf("mean of %d samples drawn by lot", list.Cap), mean).Seeds = seedStrings(lot)
	}
	return all, nil
}

// otherLists returns the space's pick lists but the one named. A list that
// cannot be read is not in the way of the others.
func (s *space) otherLists(name string) ([]*wire.Picks, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "picks"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []*wire.Picks
	for _, entry := range entries {
		other, isList := strings.CutSuffix(entry.Name(), ".json")
		if !isList || other == name || checkListName(other) != nil {
			continue
		}
		if list, err := loadPicks(s.dir, s.name, other); err == nil {
			out = append(out, list)
		}
	}
	return out, nil
}

func seedStrings(seeds []uint64) []string {
	out := make([]string, len(seeds))
	for i, seed := range seeds {
		out[i] = strconv.FormatUint(seed, 10)
	}
	return out
}

// planeData scores what there is and lays out the sheet of pictures.
func (e *Engine) planeData(ctx context.Context, s *space, list string, ids []string, report func(wire.Progress)) (*planeData, []entrant, error) {
	picks, err := loadPicks(s.dir, s.name, list)
	if err != nil {
		return nil, nil, err
	}
	measures, err := e.measures(ctx, s, ids, report)
	if err != nil {
		return nil, nil, err
	}
	all, err := s.entrants(picks)
	if err != nil {
		return nil, nil, err
	}
	images := make([]*picture.Image, len(all))
	for i := range all {
		images[i] = all[i].image
	}
	data := &planeData{Space: s.name, Title: s.subject.Title, Recipe: describe(s.store.Manifest().Recipe), Cap: picks.Cap}
	e.scoring.Lock()
	defer e.scoring.Unlock()
	for _, m := range measures {
		scores, err := m.score(ctx, images, report)
		if err != nil {
			return nil, nil, withContext(m.axis.ID, err)
		}
		data.Axes = append(data.Axes, m.axis)
		for i, v := range scores {
			all[i].point.Scores = append(all[i].point.Scores, score(v))
		}
	}
	data.X, data.Y = data.Axes[0].ID, data.Axes[1].ID
	switch len(ids) {
	case 0:
	case 1:
		data.Y = axisID(ids[0])
	default:
		data.X, data.Y = axisID(ids[0]), axisID(ids[1])
	}
	for i := range all {
		all[i].point.Tile = i
		data.Points = append(data.Points, all[i].point)
	}
	known, err := s.known()
	if err != nil {
		return nil, nil, err
	}
	data.LR, data.Bicubic, data.HR = -1, -1, -1
	for _, k := range known {
		switch k.caption {
		case "LR, nearest":
			data.LR = len(images)
		case "LR, bicubic":
			data.Bicubic = len(images)
		default:
			data.HR = len(images)
		}
		images = append(images, k.image)
	}
	data.Sheet, err = sheetOf(images)
	return data, all, err
}

// sheetOf returns the pictures on one sheet, in the address of the sheet
// itself.
func sheetOf(images []*picture.Image) (sheetData, error) {
	sheet, columns := pages.Sheet(images, sheetColumns), sheetColumns
	if len(images) == 1 {
		sheet, columns = images[0].NRGBA(), 1
	}
	png, err := pages.PNG(sheet)
	if err != nil {
		return sheetData{}, err
	}
	return sheetData{
		URL:   "data:image/png;base64," + base64.StdEncoding.EncodeToString(png),
		Width: images[0].Width, Height: images[0].Height, Columns: columns, Tiles: len(images),
	}, nil
}

// figure returns the plane as it is first shown, for paper.
func (d *planeData) figure(all []entrant) (p *plane.Plane, caption string) {
	x := slices.IndexFunc(d.Axes, func(a axis) bool { return a.ID == d.X })
	y := slices.IndexFunc(d.Axes, func(a axis) bool { return a.ID == d.Y })
	var points []plane.Point
	for _, one := range all {
		label := one.point.Label
		if one.kind == plane.Control && len(one.point.Seeds) > 0 {
			label = "" // a hundred of them
		}
		points = append(points, plane.Point{Label: label, X: float64(one.point.Scores[x]), Y: float64(one.point.Scores[y]), Kind: one.kind})
	}
	return plane.New(d.Title, d.Axes[x].Label, d.Axes[y].Label, points), fmt.Sprintf("%s: %d images, %s and %s", d.Title, len(points), d.X, d.Y)
}

// linkedPlane prepares the page, so that it opens at once, and returns what a
// saved notebook keeps: the same plane as a picture.
func linkedPlane(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	data, all, err := e.planeData(ctx, s, req.Picks, req.Metrics, report)
	if err != nil {
		return nil, err
	}
	f, err := planePicture(data.figure(all))
	return &wire.Result{Figure: f}, err
}

// planeSVG returns the plane as a drawing for print.
func planeSVG(ctx context.Context, e *Engine, s *space, req *wire.Request, report func(wire.Progress)) (*wire.Result, error) {
	data, all, err := e.planeData(ctx, s, req.Picks, req.Metrics, report)
	if err != nil {
		return nil, err
	}
	p, _ := data.figure(all)
	var svg bytes.Buffer
	if err := p.WriteSVG(&svg, 6*vg.Inch, 4.5*vg.Inch); err != nil {
		return nil, err
	}
	return &wire.Result{Page: svg.Bytes()}, nil
}
