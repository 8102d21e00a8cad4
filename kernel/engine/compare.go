package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// maxMethods is how many images of other methods a space keeps.
const maxMethods = 50

// addMethod keeps an image that another method made of the LR picture, in the
// space's folder methods. An image of the same name is replaced.
func addMethod(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	if err := checkListName(req.Method); err != nil {
		return nil, hint.With(fmt.Errorf("bad name of a method: %.100q", req.Method), "use letters, digits, - and _, for example \"EDSR\"")
	}
	img, err := picture.ReadFile(req.Image)
	if err != nil {
		return nil, withContext("image of "+req.Method, err)
	}
	if w, h := s.size(); img.Width != w || img.Height != h {
		return nil, hint.With(fmt.Errorf("the image of %s is %d×%d pixels, the samples of %s are %d×%d", req.Method, img.Width, img.Height, s.name, w, h),
			"it must be made of the same LR picture with the same scale; it is never resized without a word")
	}
	have, err := s.methods()
	if err != nil {
		return nil, err
	}
	if len(have) > maxMethods {
		return nil, fmt.Errorf("space %s holds %d images of other methods, the most there may be", s.name, maxMethods)
	}
	dir := filepath.Join(s.dir, "methods")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := img.WritePNG(filepath.Join(dir, req.Method+".png")); err != nil {
		return nil, err
	}
	return &wire.Result{Space: s.wire()}, nil
}

// methods returns bicubic interpolation and the images of other methods that
// were added, in the order of their names.
func (s *space) methods() ([]named, error) {
	bicubic, err := s.bicubic()
	if err != nil {
		return nil, err
	}
	var out []named
	if bicubic != nil {
		out = append(out, named{bicubic, "bicubic"})
	}
	dir := filepath.Join(s.dir, "methods")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	width, height := s.size()
	for _, entry := range entries {
		name, isPNG := strings.CutSuffix(entry.Name(), ".png")
		if !isPNG || checkListName(name) != nil {
			continue
		}
		img, err := picture.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if img.Width == width && img.Height == height {
			out = append(out, named{img, name})
		}
	}
	return out, nil
}

// known returns what is known without a model, all of the size of a sample:
// the LR picture with each pixel repeated, its bicubic interpolation and, for
// a test digit, the truth.
func (s *space) known() ([]named, error) {
	bicubic, err := s.bicubic()
	if err != nil {
		return nil, err
	}
	var out []named
	if bicubic != nil {
		out = append(out, named{s.subject.lr.Enlarged(s.scale()), "LR, nearest"}, named{bicubic, "LR, bicubic"})
	}
	if s.subject.hr != nil {
		out = append(out, named{s.subject.hr, "HR (truth)"})
	}
	return out, nil
}

// compareData is what the compare page shows: pictures of one size to put
// side by side in one frame.
type compareData struct {
	Space    string            `json:"space"`
	Title    string            `json:"title"`
	Recipe   string            `json:"recipe"`
	Revision int               `json:"revision"` // of the list
	Pictures []comparedPicture `json:"pictures"`
	Left     int               `json:"left"` // shown first
	Right    int               `json:"right"`
	Sheet    sheetData         `json:"sheet"`
}

type comparedPicture struct {
	Label string `json:"label"`
	Group string `json:"group"`
	Tile  int    `json:"tile"`
}

// compareData lists what is known, the ensemble of the list where it has
// picks, other methods, the picks and all other samples.
func (s *space) compareData(list string) (*compareData, []named, error) {
	c, err := s.contenders(list)
	if err != nil {
		return nil, nil, err
	}
	known, err := s.known()
	if err != nil {
		return nil, nil, err
	}
	methods, err := s.methods()
	if err != nil {
		return nil, nil, err
	}
	seeds, images, err := s.images()
	if err != nil {
		return nil, nil, err
	}
	data := &compareData{Space: s.name, Title: s.subject.Title, Recipe: describe(s.store.Manifest().Recipe), Left: min(1, max(0, len(known)-1))}
	var all []named
	add := func(group string, n named) {
		data.Pictures = append(data.Pictures, comparedPicture{n.caption, group, len(all)})
		all = append(all, n)
	}
	for _, n := range known {
		add("known", n)
	}
	data.Right = len(all)
	if c.mean != nil {
		add("ensembles", named{c.mean, meanName(c.picks)})
	}
	for _, n := range methods {
		if n.caption != "bicubic" { // it is among what is known
			add("other methods", n)
		}
	}
	picked := map[uint64]bool{}
	if c.picks != nil {
		data.Revision = c.picks.Revision
		for _, seed := range c.picks.Seeds {
			picked[seed] = true
		}
	}
	samples := len(all)
	for _, group := range []bool{true, false} {
		for i, seed := range seeds {
			if picked[seed] == group {
				name := map[bool]string{true: "picked samples", false: "samples"}[group]
				add(name, named{images[i], "sample " + strconv.FormatUint(seed, 10)})
			}
		}
	}
	if c.mean == nil {
		data.Right = samples // the first sample
	}
	pictures := make([]*picture.Image, len(all))
	for i, n := range all {
		pictures[i] = n.image
	}
	data.Sheet, err = sheetOf(pictures)
	return data, all, err
}

// slider returns what a saved notebook keeps of the compare page: its two
// pictures side by side, and those that are known.
func slider(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	data, all, err := s.compareData(req.Picks)
	if err != nil {
		return nil, err
	}
	row := []named{all[0]}
	if data.Left > 0 {
		row = append(row, all[data.Left])
	}
	row = append(row, all[data.Right])
	if s.subject.hr != nil {
		row = append(row, named{s.subject.hr, "HR (truth)"})
	}
	f, err := rowPicture(row, data.Title+": the notebook compares any two of them, and any sample, under a slider")
	return &wire.Result{Figure: f}, err
}
