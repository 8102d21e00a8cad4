package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// runScore runs kernel score and returns what it prints. Scores are kept in a
// folder of the test's own unless args say otherwise.
func runScore(t *testing.T, ctx context.Context, args ...string) (string, error) {
	t.Helper()
	c := scoreCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(append([]string{"--cache", filepath.Join(t.TempDir(), "scores")}, args...))
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

// flatImage is a picture of one grey.
func flatImage(m draw.Image, grey uint8) draw.Image {
	draw.Draw(m, m.Bounds(), image.NewUniform(color.Gray{Y: grey}), image.Point{}, draw.Src)
	return m
}

// pictureFolder writes pictures, encoded by the extensions of their names.
func pictureFolder(t *testing.T, pictures map[string]image.Image) string {
	t.Helper()
	dir := t.TempDir()
	for name, m := range pictures {
		var b bytes.Buffer
		var err error
		switch filepath.Ext(name) {
		case ".bmp":
			err = bmp.Encode(&b, m)
		case ".tif":
			err = tiff.Encode(&b, m, nil)
		case ".jpg":
			err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 100})
		default:
			err = png.Encode(&b, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rgb(grey uint8) draw.Image { return flatImage(image.NewRGBA(image.Rect(0, 0, 16, 12)), grey) }

// PSNR of flat pictures d apart is 20·log10(255/d): 28.13 dB for 10, 48.13 for
// 1, 34.15 for 5, 22.11 for 20.
func TestScore(t *testing.T) {
	sr := filepath.Join(t.TempDir(), "mine")
	for from, to := range map[string]string{pictureFolder(t, map[string]image.Image{"a.tif": rgb(110), "b.bmp": rgb(101), "c.jpg": rgb(105)}): sr} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	other := pictureFolder(t, map[string]image.Image{"a.png": rgb(120), "b.png": rgb(120), "c.png": rgb(120)})
	hr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100), "b.png": rgb(100), "c.png": rgb(100)})
	cache, csv := filepath.Join(t.TempDir(), "scores"), filepath.Join(t.TempDir(), "out.csv")
	args := []string{"--sr", sr, "--sr", other, "--hr", hr, "--metrics", "psnr/rgb/crop0, ssim/rgb/crop0", "--csv", csv, "--cache", cache}
	out, err := runScore(t, context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| method | images | PSNR (dB) ↑ | SSIM ↑ |",
		"| mine | 3 | **36.80** [",                     // mean of 28.13, 48.13, 34.15
		"| " + filepath.Base(other) + " | 3 | 22.11 [", // 20 everywhere
		"`psnr/rgb/crop0`, against HR",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	table, err := os.ReadFile(csv)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	if len(lines) != 13 || !strings.HasPrefix(lines[1], "mine,a,psnr/rgb/crop0,PSNR,dB,higher,HR,,,28.1308036") {
		t.Errorf("CSV of %d lines:\n%s", len(lines), table)
	}

	// Again: nothing is worked out, and nothing is different.
	known, err := filepath.Glob(filepath.Join(cache, "*.jsonl"))
	if err != nil || len(known) != 1 {
		t.Fatal(known, err)
	}
	before, err := os.Stat(known[0])
	if err != nil {
		t.Fatal(err)
	}
	again, err := runScore(t, context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(known[0])
	if err != nil || after.Size() != before.Size() || before.Size() == 0 {
		t.Errorf("the cache grew from %d to %d bytes", before.Size(), after.Size())
	}
	if again != out {
		t.Errorf("another table:\n%s", again)
	}
}

func TestScoreJSON(t *testing.T) {
	sr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	hr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--metrics", "psnr/rgb/crop0", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Scores []struct {
			Image string
			Score struct {
				Metric string
				Value  any
			}
		}
		Means []struct {
			Interval map[string]any `json:"mean_and_95_percent_interval"`
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(got.Scores) != 1 || got.Scores[0].Score.Value != "inf" || got.Scores[0].Score.Metric != "psnr/rgb/crop0" || got.Means[0].Interval["mean"] != "inf" {
		t.Errorf("got %s", out)
	}
}

func TestScoreManyAgainstOne(t *testing.T) {
	sr := pictureFolder(t, map[string]image.Image{"1.png": rgb(101), "2.png": rgb(110)})
	hr := filepath.Join(pictureFolder(t, map[string]image.Image{"hr.png": rgb(100)}), "hr.png")
	lr := filepath.Join(pictureFolder(t, map[string]image.Image{"lr.png": flatImage(image.NewRGBA(image.Rect(0, 0, 4, 3)), 100)}), "lr.png")
	maps := t.TempDir()
	out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--lr", lr, "--metrics", "psnr/rgb/crop0,lrpsnr/matlab-u8/vs-lr", "--maps", maps)
	if err != nil {
		t.Fatal(err)
	}
	if want := " | 2 | 38.13 [28.13, 48.13] | 38.13 [28.13, 48.13] |"; !strings.Contains(out, want) {
		t.Errorf("no %q in\n%s", want, out)
	}
	for name, size := range map[string]int{"1.psnr-rgb-crop0.png": 16, "2.lrpsnr-matlab-u8-vs-lr.png": 4, "2.lr-residual.png": 4} {
		m, err := picture.ReadFile(filepath.Join(maps, filepath.Base(sr), name))
		if err != nil {
			t.Error(err)
		} else if m.Width != size {
			t.Errorf("%s: %d pixels wide, want %d", name, m.Width, size)
		}
	}
	// 10 of 255 more than LR, enlarged eight times, beside middle grey.
	m, err := picture.ReadFile(filepath.Join(maps, filepath.Base(sr), "2.lr-residual.png"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Bytes()[0]; got < 207 || got > 208 {
		t.Errorf("residual %d, want 207.5", got)
	}
}

func TestScoreRefuses(t *testing.T) {
	good := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	translucent := image.NewNRGBA(image.Rect(0, 0, 16, 12))
	colour := rgb(100)
	colour.Set(2, 2, color.RGBA{200, 0, 0, 255})
	gray := flatImage(image.NewGray(image.Rect(0, 0, 16, 12)), 9)
	damaged := pictureFolder(t, map[string]image.Image{"a.png": rgb(1)})
	whole, err := os.ReadFile(filepath.Join(damaged, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, "a.png"), whole[:len(whole)-30], 0o666); err != nil {
		t.Fatal(err)
	}
	of := func(m image.Image) string { return pictureFolder(t, map[string]image.Image{"a.png": m}) }
	// What is wrong with the last file is said before the first is scored.
	deep := pictureFolder(t, map[string]image.Image{"a.png": rgb(1), "z.png": image.NewRGBA64(image.Rect(0, 0, 16, 12))})
	grey := pictureFolder(t, map[string]image.Image{"a.png": rgb(1), "z.png": gray})
	untouched := filepath.Join(t.TempDir(), "scores")
	for what, c := range map[string]struct {
		args []string
		want error
	}{
		"names":              {[]string{"--sr", pictureFolder(t, map[string]image.Image{"b.png": rgb(1)}), "--hr", good}, metrics.ErrNames},
		"one more":           {[]string{"--sr", pictureFolder(t, map[string]image.Image{"a.png": rgb(1), "b.png": rgb(1)}), "--hr", good}, metrics.ErrNames},
		"sizes":              {[]string{"--sr", of(image.NewRGBA(image.Rect(0, 0, 16, 13))), "--hr", good}, metrics.ErrSize},
		"empty folder":       {[]string{"--sr", t.TempDir(), "--hr", good}, metrics.ErrEmptyFolder},
		"empty HR folder":    {[]string{"--sr", good, "--hr", t.TempDir()}, metrics.ErrEmptyFolder},
		"no such folder":     {[]string{"--sr", filepath.Join(good, "absent"), "--hr", good}, fs.ErrNotExist},
		"16 bits, late":      {[]string{"--sr", deep, "--hr", deep, "--cache", untouched}, metrics.ErrDepth},
		"no CSV folder":      {[]string{"--sr", good, "--hr", good, "--csv", filepath.Join(good, "absent", "out.csv"), "--cache", untouched}, fs.ErrNotExist},
		"no luma, late":      {[]string{"--sr", grey, "--hr", grey, "--metrics", "psnr/rgb/crop0,psnr/y601studio/crop0", "--cache", untouched}, metrics.ErrChannels},
		"16 bits":            {[]string{"--sr", of(image.NewRGBA64(image.Rect(0, 0, 16, 12))), "--hr", good}, metrics.ErrDepth},
		"alpha":              {[]string{"--sr", of(translucent), "--hr", good}, picture.ErrUnsupported},
		"one channel":        {[]string{"--sr", of(gray), "--hr", of(colour)}, metrics.ErrChannels},
		"no luma":            {[]string{"--sr", of(gray), "--hr", of(gray), "--metrics", "psnr/y601studio/crop0"}, metrics.ErrChannels},
		"damaged":            {[]string{"--sr", damaged, "--hr", good}, picture.ErrDamaged},
		"too small by id":    {[]string{"--sr", good, "--hr", good, "--metrics", "ssim/rgb/crop1"}, metrics.ErrTooSmall},
		"unknown metric":     {[]string{"--sr", good, "--hr", good, "--metrics", "psnr"}, metrics.ErrUnknown},
		"LR of no factor":    {[]string{"--sr", good, "--hr", good, "--lr", of(flatImage(image.NewRGBA(image.Rect(0, 0, 5, 3)), 1)), "--metrics", "lrpsnr/matlab-u8/vs-lr"}, metrics.ErrSize},
		"LR larger":          {[]string{"--sr", good, "--hr", good, "--lr", of(image.NewRGBA(image.Rect(0, 0, 64, 48)))}, metrics.ErrSize},
		"doctor, empty data": {[]string{"--doctor", "--data", t.TempDir()}, fs.ErrNotExist},
		"pattern":            {[]string{"--sr", good, "--hr", good, "--sr-name", "x4"}, metrics.ErrNames},
	} {
		args := c.args
		if !strings.Contains(strings.Join(args, " "), "--metrics") {
			args = append(args, "--metrics", "psnr/rgb/crop0")
		}
		csv := filepath.Join(t.TempDir(), "out.csv")
		if !slices.Contains(args, "--csv") {
			args = append(args, "--csv", csv)
		}
		out, err := runScore(t, context.Background(), args...)
		if !errors.Is(err, c.want) || out != "" {
			t.Errorf("%s: got %v, printed %q, want %v", what, err, out, c.want)
		}
		if _, err := os.Stat(csv); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: wrote a CSV (%v)", what, err)
		}
	}
	if cache, err := metrics.OpenCache(untouched); err != nil || cache.Len() != 0 {
		t.Errorf("%d scores were worked out first (%v)", cache.Len(), err)
	}
	for _, args := range [][]string{
		{},
		{"--sr", good, "--metrics", "psnr/rgb/crop0"},
		{"--sr", good, "--hr", good, "--metrics", "lrpsnr/matlab-u8/vs-lr"},
		{"--sr", good, "--explain"},
		{"--doctor", "--explain"},
		{"--sr", filepath.Join(good, "a.png"), "--hr", good, "--metrics", "psnr/rgb/crop0"},
	} {
		if _, err := runScore(t, context.Background(), args...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestScoreStopped(t *testing.T) {
	good := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := runScore(t, ctx, "--sr", good, "--hr", good, "--metrics", "psnr/rgb/crop0"); err == nil || !strings.Contains(hint.Of(err), "continues from there") {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
}

func TestScoreExplain(t *testing.T) {
	sr := pictureFolder(t, map[string]image.Image{"a.png": rgb(110)})
	hr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--explain")
	if err != nil {
		t.Fatal(err)
	}
	// Luma in 16..235 shrinks a difference of 10 to 10·219/255: 29.45 dB.
	for _, want := range []string{"basicsr ", "28.13", "29.45", "psnr/y601studio/crop4", "too small"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "pieapp/27"); n != 1 {
		t.Errorf("PieAPP, of two presets and without a score, is named %d times in\n%s", n, out)
	}
	if !strings.Contains(out, "lrpsnr/matlab-u8/vs-hr/x4") {
		t.Errorf("no LR consistency against the downscaled HR in\n%s", out)
	}
	// Against LR pixels of 109 it is 1 off, not 10: 48.13 dB.
	lr := pictureFolder(t, map[string]image.Image{"a.png": flatImage(image.NewRGBA(image.Rect(0, 0, 4, 3)), 109)})
	if out, err = runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--lr", lr, "--explain"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "48.13") || !strings.Contains(out, "lrpsnr/matlab-u8/vs-lr") || strings.Contains(out, "lrpsnr/matlab-u8/vs-hr") {
		t.Errorf("LR consistency does not compare with the LR image in\n%s", out)
	}
	if out, err = runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--explain", "--json"); err != nil || !json.Valid([]byte(out)) {
		t.Errorf("JSON: %v\n%s", err, out)
	}
}

// The means that papers print, through the command.
func TestScoreSet5(t *testing.T) {
	dir := shared.Path(t, "data", "results_set5_x4")
	out, err := runScore(t, context.Background(), "--sr", filepath.Join(dir, "RCAN"), "--sr", filepath.Join(dir, "IMDN"), "--sr-name", "{}_*_x4",
		"--hr", filepath.Join(dir, "HR"), "--hr-name", "{}_HR_x4", "--lr", filepath.Join(dir, "LR"), "--lr-name", "{}_LRBI_x4",
		"--metrics", "psnr/y601studio/crop4,ssim/y601studio/crop4,lrpsnr/matlab-u8-replicate/vs-lr")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| RCAN | 5 | **32.63** [", "| **0.9002** [", "| IMDN | 5 | 32.21 [", "| 0.8948 ["} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestScoreDoctor(t *testing.T) {
	out, err := runScore(t, context.Background(), "--doctor", "--data", shared.Path(t, "data", "pyiqa_calib"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, "  ok  "); n < 11 || strings.Contains(out, "differs") {
		t.Errorf("%d scores ok:\n%s", n, out)
	}
}
