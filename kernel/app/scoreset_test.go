package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// narrow is PSNR for pictures of at most 16 columns.
type narrow struct{ metrics.PSNRMetric }

func (narrow) Info() metrics.Info { return metrics.Info{ID: "narrow"} }

func (m narrow) Score(image, hr *picture.Image) (float64, error) {
	if image.Width > 16 {
		return 0, hint.With(fmt.Errorf("narrow: %w", metrics.ErrTooLarge), "score parts")
	}
	return m.PSNRMetric.Score(image, hr)
}

// A picture too large for a metric of a preset costs that one score alone.
func TestScoreTooLarge(t *testing.T) {
	pictures := t.TempDir()
	for name, width := range map[string]int{"a.png": 17, "b.png": 16} {
		if err := picture.NewImage(width, 12).WritePNG(filepath.Join(pictures, name)); err != nil {
			t.Fatal(err)
		}
	}
	chosen := []metrics.Metric{metrics.PSNRMetric{}, narrow{}}
	set, err := openScoreSet(ScoreOptions{SR: []string{pictures}, HR: pictures, Metrics: "preset", Scale: 4}, chosen)
	if err != nil {
		t.Fatal(err)
	}
	scored, notes := map[string]int{}, &ScoreNotes{missing: map[string]bool{}}
	for _, g := range set.groups() {
		entries, err := set.scoreGroup(t.Context(), g, chosen, nil, notes, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			scored[e.Score.Passport.ID]++
		}
	}
	if scored["psnr/rgb/crop0"] != 2 || scored["narrow"] != 1 {
		t.Errorf("scores: %v", scored)
	}
	if len(notes.List) != 1 || !strings.Contains(notes.List[0].Reason, "a.png") || notes.List[0].Hint != "score parts" {
		t.Errorf("notes: %v", notes.List)
	}
	set.options.Metrics = "narrow"
	if _, err := set.scoreGroup(t.Context(), set.groups()[0], chosen, nil, notes, func(int) {}); !errors.Is(err, metrics.ErrTooLarge) {
		t.Errorf("named by its id: %v", err)
	}
}

// A metric named by another spelling of its id is named, not of a preset.
func TestScoreNamed(t *testing.T) {
	o := ScoreOptions{Metrics: "paper, lpips/alex/0.1/nearestx3"}
	if !o.named("lpips/alex/0.1/nearest×3") || o.named("lpips/alex/0.1") || o.named("psnr/rgb/crop0") {
		t.Error("named confuses ids")
	}
}
