package metrics

import (
	"fmt"
	"strings"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Explanation is one pair under one convention of one preset.
type Explanation struct {
	Preset string
	Call   string // what computes it there
	Score  Score  // its passport is filled in even where there is Err
	Err    error  // why there is no score: too small, or no weights
}

// Explain returns the scores of one pair of images under all presets at the
// [DefaultScale]: why one toolkit says 24.7 dB and another 26.4. Images of
// different sizes are an error that wraps [ErrSize]; a convention that has no
// score, for want of pixels or weights, says so in its own Err.
//
// LR consistency compares with the downscaled HR image, as there is no LR
// image here: "lrpsnr/matlab-u8/vs-hr/x4".
func Explain(sr, hr *picture.Image) ([]Explanation, error) {
	return ExplainAt(sr, hr, nil, DefaultScale, nil)
}

// ExplainAt explains a pair of another factor of super-resolution, which
// decides how much border is cut off. LR consistency compares with lr, unless
// that is nil. progress, unless nil, is called after each convention.
func ExplainAt(sr, hr, lr *picture.Image, scale int, progress func(done, total int)) ([]Explanation, error) {
	if scale < 1 {
		return nil, fmt.Errorf("explain: %w: a scale of %d", ErrUnknown, scale)
	}
	if err := sameSize(sr, hr); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	if lr != nil {
		if err := Check(lr); err != nil {
			return nil, fmt.Errorf("explain: LR image: %w", err)
		}
	}
	var rows []Explanation
	for _, p := range Presets(scale) {
		for _, c := range p.Conventions {
			row := Explanation{Preset: p.Name, Call: c.Call}
			row.Score.Passport.ID = c.ID
			if rest, ok := strings.CutSuffix(c.ID, "/vs-lr"); ok && lr == nil {
				row.Score.Passport.ID = fmt.Sprintf("%s/vs-hr/x%d", rest, scale)
			}
			rows = append(rows, row)
		}
	}
	known := map[string]Explanation{}
	for i := range rows {
		row := &rows[i]
		id := row.Score.Passport.ID
		if _, ok := known[id]; !ok {
			var e Explanation
			e.Score, e.Err = explain(id, sr, hr, lr)
			known[id] = e
		}
		row.Score, row.Err = known[id].Score, known[id].Err
		if progress != nil {
			progress(i+1, len(rows))
		}
	}
	return rows, nil
}

// explain returns the score and passport of a pair; the passport also where
// there is no score.
func explain(id string, sr, hr, lr *picture.Image) (Score, error) {
	m, err := Find(id)
	if err != nil {
		return Score{Passport: Info{ID: id}}, err
	}
	score := Score{Passport: m.Info()}
	ref := hr
	if score.Passport.Reference == LR {
		ref = lr
	}
	score.Value, err = m.Score(sr, ref)
	return score, err
}
