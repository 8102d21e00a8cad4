package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// fewSamples is how many samples the paper's Task 2 averages.
const fewSamples = 3

// saveRows writes what the paper's Table 2 compares, one folder a method and
// one file a space: the HR and the LR picture, bicubic interpolation, methods
// that were added, one sample and means of samples that nobody chose, and the
// mean of each list.
func saveRows(_ context.Context, _ *Engine, s *space, req *wire.Request, _ func(wire.Progress)) (*wire.Result, error) {
	if req.Out == "" {
		return nil, hint.With(fmt.Errorf("no folder to write to"), "name one: space.Save(lab.Files(\"table2\"))")
	}
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, s.empty()
	}
	var rows []named
	add := func(name string, img *picture.Image) {
		if img != nil {
			rows = append(rows, named{img, name})
		}
	}
	add("HR", s.subject.hr)
	add("LR", s.subject.lr)
	methods, err := s.methods()
	if err != nil {
		return nil, err
	}
	rows = append(rows, methods...)
	add("one sample", images[0])
	for _, n := range []int{fewSamples, len(images)} {
		if n <= len(images) && n > 1 {
			mean, err := ensemble.Mean(images[:n])
			if err != nil {
				return nil, err
			}
			add(fmt.Sprintf("mean of %d", n), mean)
		}
	}
	for _, list := range req.Lists {
		picks, err := loadPicks(s.dir, s.name, list)
		if err != nil {
			return nil, err
		}
		mean, err := s.mean(picks)
		if err != nil {
			return nil, err
		}
		add(list, mean)
	}
	for _, row := range rows {
		dir := filepath.Join(req.Out, row.caption)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := row.image.WritePNG(filepath.Join(dir, s.name+".png")); err != nil {
			return nil, err
		}
	}
	return &wire.Result{Text: fmt.Sprintf("%s.png is in %d folders of %s; one sample is that of seed %d, which nobody chose.", s.name, len(rows), req.Out, seeds[0])}, nil
}
