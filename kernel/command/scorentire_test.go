package command

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/metrics/ntire"
)

// Two samples of two pictures: the worst LR-PSNR is that of the sample 20 off,
// 22.11 dB, the mean over samples and pictures that of 28.13 and 22.11. Flat
// samples are best in the same places: no diversity.
func TestScoreNTIRE(t *testing.T) {
	flat := func(v uint8) image.Image { return flatImage(image.NewRGBA(image.Rect(0, 0, 37, 41)), v) }
	hr := pictureFolder(t, map[string]image.Image{"000001.png": flat(100), "000002.png": flat(100)})
	sr := pictureFolder(t, map[string]image.Image{
		"000001_sample00000.png": flat(110), "000001_sample00001.png": flat(120), "000002_sample00000.png": flat(110), "000002_sample00001.png": flat(120),
	})
	csv := filepath.Join(t.TempDir(), "out.csv")
	out, err := runScore(t, context.Background(), "--ntire", "--sr", sr, "--hr", hr, "--csv", csv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| " + filepath.Base(sr) + " | 2 | 0.0000 [", " | 22.11 [22.11, 22.11] | 25.12 [25.12, 25.12] |", "`ntire/diversity/n2`", "`lrpsnr/ntire/x4/worst/n2`", "2 samples a picture"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if table, err := os.ReadFile(csv); err != nil || strings.Count(string(table), "\n") != 13 {
		t.Errorf("CSV: %v\n%s", err, table)
	}
	// All files are samples of one HR image, whatever they are called.
	if out, err = runScore(t, context.Background(), "--ntire", "--sr", sr, "--hr", filepath.Join(hr, "000001.png"), "--json"); err != nil || !strings.Contains(out, "ntire/diversity/n4") || !json.Valid([]byte(out)) {
		t.Errorf("one HR image: %v\n%s", err, out)
	}
	// The challenges' own folders: HR images of other names, samples by number.
	own := pictureFolder(t, map[string]image.Image{"0801.png": flat(100), "0802.png": flat(110)})
	byNumber := pictureFolder(t, map[string]image.Image{"000000_sample00000.png": flat(110), "000001_sample00000.png": flat(110)})
	if _, err = runScore(t, context.Background(), "--ntire", "--sr", byNumber, "--hr", own, "--csv", csv); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(csv)
	if err != nil || !strings.Contains(string(table), ",0801,lrpsnr/ntire/x4/mean,LR-PSNR mean,dB,higher,HR,,,28.1308") || !strings.Contains(string(table), ",0802,lrpsnr/ntire/x4/mean,LR-PSNR mean,dB,higher,HR,,,+Inf") {
		t.Errorf("own layout: %v\n%s", err, table)
	}
	with := func(pictures map[string]image.Image) string { return pictureFolder(t, pictures) }
	for what, c := range map[string]struct {
		args []string
		want error
	}{
		"names":             {[]string{"--sr", hr, "--hr", hr}, metrics.ErrNames},
		"a picture without": {[]string{"--sr", with(map[string]image.Image{"000001_sample0.png": flat(1)}), "--hr", hr}, metrics.ErrNames},
		"fewer":             {[]string{"--sr", with(map[string]image.Image{"000001_sample0.png": flat(1), "000001_sample1.png": flat(1), "000002_sample0.png": flat(1)}), "--hr", hr}, metrics.ErrNames},
		"another size":      {[]string{"--sr", with(map[string]image.Image{"000001_sample0.png": flat(1), "000002_sample0.png": rgb(1)}), "--hr", hr}, metrics.ErrSize},
		"too small":         {[]string{"--sr", with(map[string]image.Image{"x.png": rgb(1)}), "--hr", filepath.Join(with(map[string]image.Image{"x.png": rgb(1)}), "x.png")}, metrics.ErrTooSmall},
		"one file":          {[]string{"--sr", filepath.Join(hr, "000001.png"), "--hr", hr}, ntire.ErrNoSamples},
		"scale":             {[]string{"--sr", sr, "--hr", hr, "--scale", "0"}, metrics.ErrUnknown},
	} {
		if _, err := runScore(t, context.Background(), append(c.args, "--ntire")...); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	for _, args := range [][]string{{"--metrics", "paper"}, {"--lr", hr}, {"--explain"}, {"--doctor"}} {
		if _, err := runScore(t, context.Background(), append(args, "--ntire", "--sr", sr, "--hr", hr)...); err == nil || !strings.Contains(err.Error(), "--ntire") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// Diversity of five samples by the challenges' code with real AlexNet weights;
// ours are half rounded to float16.
func TestScoreNTIREGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	b, err := os.ReadFile(filepath.Join(dir, "nn_realalex.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Want struct{ Score float64 } `json:"ntire_diversity_alex"`
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	img := filepath.Join(dir, "img")
	out, err := runScore(t, context.Background(), "--ntire", "--sr", img, "--sr-name", "a_s{}", "--hr", filepath.Join(img, "a_ref.png"), "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Scores []struct {
			Image string
			Score struct {
				Metric string
				Value  float64
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	first := got.Scores[0]
	if first.Image != "a_ref" || first.Score.Metric != "ntire/diversity/n5" || !(math.Abs(first.Score.Value-golden.Want.Score) < 5e-3) {
		t.Errorf("got %+v, want %v", first, golden.Want.Score)
	}
}
