package command

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
)

// Benchmarks hold HR and LR in one folder: patterns tell them apart, and what
// is left over after that must pair still.
func TestScoreOneFolder(t *testing.T) {
	low := func(grey uint8) image.Image { return flatImage(image.NewRGBA(image.Rect(0, 0, 4, 3)), grey) }
	bench := pictureFolder(t, map[string]image.Image{
		"img_001_SRF_4_HR.png": rgb(100), "img_001_SRF_4_LR.png": low(100), "img_002_SRF_4_HR.png": rgb(100), "img_002_SRF_4_LR.png": low(100),
	})
	sr := pictureFolder(t, map[string]image.Image{"img_001.png": rgb(110), "img_002.png": rgb(101)})
	args := []string{"--sr", sr, "--hr", bench, "--hr-name", "{}_SRF_4_HR", "--lr", bench, "--lr-name", "{}_SRF_4_LR", "--metrics", "psnr/rgb/crop0,lrpsnr/matlab-u8/vs-lr"}
	out, err := runScore(t, context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if want := " | 2 | 38.13 [28.13, 48.13] | 38.13 [28.13, 48.13] |"; !strings.Contains(out, want) {
		t.Errorf("no %q in\n%s", want, out)
	}
	scored, err := app.Score(t.Context(), app.ScoreOptions{SR: []string{sr}, HR: bench, HRName: "{}_SRF_4_HR", Metrics: "psnr/rgb/crop0", Cache: app.NoCache})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(scored.Notes.Files, "\n"); !strings.Contains(notes, "HR: 2 files of "+bench) || strings.Contains(notes, "SR:") {
		t.Errorf("notes %q", notes)
	}
	if err := os.Remove(filepath.Join(bench, "img_002_SRF_4_LR.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := runScore(t, context.Background(), args...); !errors.Is(err, metrics.ErrNames) {
		t.Errorf("one LR image short: %v", err)
	}
}

// Presets leave the luma of grey files out; what else they hold is scored, and
// so are the files of colour.
func TestScoreGrey(t *testing.T) {
	gray := func(v uint8) image.Image { return flatImage(image.NewGray(image.Rect(0, 0, 32, 32)), v) }
	colour := func(v uint8) image.Image { return flatImage(image.NewRGBA(image.Rect(0, 0, 32, 32)), v) }
	sr := pictureFolder(t, map[string]image.Image{"a.png": gray(110), "b.png": colour(110)})
	hr := pictureFolder(t, map[string]image.Image{"a.png": gray(100), "b.png": colour(100)})
	out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--metrics", "basicsr", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Scores []struct {
			Image string
			Score struct{ Metric string }
		}
		Notes []app.ScoreNote
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	scored := map[string]string{}
	for _, s := range got.Scores {
		scored[s.Score.Metric] += s.Image
	}
	if scored["psnr/rgb/crop4"] != "ab" || scored["psnr/y601studio/crop4"] != "b" || scored["ssim/y601studio/crop4"] != "b" {
		t.Errorf("scores: %v", scored)
	}
	if len(got.Notes) != 2 || !strings.Contains(got.Notes[0].Reason, "a.png") || got.Notes[0].Hint == "" {
		t.Errorf("notes: %v", got.Notes)
	}
	if out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--explain"); err != nil || strings.Count(out, "no luma to take") != 4 {
		t.Errorf("explain: %v\n%s", err, out)
	}
	// All grey: what is left of matlab-sr is nothing.
	one := filepath.Join(sr, "a.png")
	if _, err := runScore(t, context.Background(), "--sr", one, "--hr", filepath.Join(hr, "a.png"), "--metrics", "matlab-sr"); err == nil || !strings.Contains(err.Error(), "no metric has a score") {
		t.Errorf("matlab-sr of grey: %v", err)
	}
}
