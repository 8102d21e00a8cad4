package app

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// pattern is a picture with edges and texture.
func pattern(width, height int) *picture.Image {
	img := picture.NewImage(width, height)
	for i := range img.Pix {
		x, y := float64(i/3%width), float64(i/3/width)
		v := 0.5 + 0.3*math.Sin(x/5)*math.Cos(y/7)
		if math.Mod(x+2*y, 31) < 6 {
			v = 0.95 - 0.6*v
		}
		img.Pix[i] = float32(v)
	}
	return img.Quantized()
}

func TestDefaultModel(t *testing.T) {
	for _, c := range []struct {
		lr   *picture.Image
		want string
	}{
		{nil, Digits}, {picture.NewImage(7, 7), Digits}, {picture.NewImage(7, 8), Natural}, {picture.NewImage(64, 48), Natural},
	} {
		if got := DefaultModel(c.lr); got != c.want {
			t.Errorf("%v is drawn by %s, want %s", c.lr, got, c.want)
		}
	}
}

// A picture that is not 7×7 is drawn by the natural-image model, and a sample
// is drawn again from its address.
func TestNaturalDraws(t *testing.T) {
	var models Models
	ctx := context.Background()
	lr := pattern(13, 9)
	o := ModelOptions{Backend: "go", Steps: 2, Project: 3}
	m, err := models.Open(ctx, o, lr)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "space")
	space, err := m.Draw(ctx, dir, lr, DrawOptions{N: 2})
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(space.Path(1))
	if err != nil {
		t.Fatal(err)
	}
	img, err := picture.Decode(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if img.Width != 52 || img.Height != 36 {
		t.Errorf("a sample is %d×%d, want 52×36", img.Width, img.Height)
	}
	a := space.Address(1)
	if s := a.String(); !strings.HasPrefix(s, "natural@") || !strings.HasSuffix(s, "/ddim-2-eta1/project-3/seed/1") {
		t.Errorf("the address is %s", s)
	}
	got, _, err := models.DrawAddress(ctx, a, ModelOptions{Backend: "go"}, lr)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("drawn from its address the sample has other bytes")
	}
	if _, err := models.Open(ctx, ModelOptions{Model: Natural, Output: "y"}, lr); err == nil {
		t.Error("the natural-image model takes an option of ONNX files")
	}
}

// Large pictures are drawn in windows, which the recipe says; small ones and
// those for which a window was asked are not.
func TestNaturalChoosesWindows(t *testing.T) {
	var models Models
	for _, c := range []struct{ width, asked, want int }{{200, 0, 96}, {20, 0, 0}, {200, 64, 64}, {128, 0, 0}, {129, 0, 96}} {
		lr := picture.NewImage(c.width, 12)
		m, err := models.Open(context.Background(), ModelOptions{Backend: "go", Window: c.asked}, lr)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(lr, 2); err != nil {
			t.Fatal(err)
		}
		if got := m.Recipe().Window; got != c.want {
			t.Errorf("%d pixels wide, %d asked: windows of %d, want %d", c.width, c.asked, got, c.want)
		}
	}
}

// What is measured are the metrics of the samples themselves.
func TestMeasureQuality(t *testing.T) {
	data := t.TempDir()
	folder := filepath.Join(data, "sr_test", "Set5_x4")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	hr := pattern(66, 65) // cut to 64×64
	if err := hr.WritePNG(filepath.Join(folder, "img_001_SRF_4_HR.png")); err != nil {
		t.Fatal(err)
	}
	q, err := MeasureQuality(context.Background(), QualityOptions{Data: data, Samples: 2, Sheets: filepath.Join(data, "sheets")})
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Sets) != 1 || q.Sets[0].Name != "Set5" || q.Sets[0].Pictures != 1 || q.Samples != 2 {
		t.Fatalf("measured %+v", q)
	}
	sheet, err := picture.ReadFile(filepath.Join(data, "sheets", "img_001_SRF_4_HR.png"))
	if err != nil {
		t.Fatal(err)
	}
	if sheet.Width != 6*64 || sheet.Height != 64 { // LR, bicubic, HR, mean, two samples
		t.Errorf("the sheet is %d×%d, want 384×64", sheet.Width, sheet.Height)
	}
	s := q.Sets[0]
	cut := hr.Crop(0, 0, 64, 64)
	lr, err := imresize.Downscale(cut, 4)
	if err != nil {
		t.Fatal(err)
	}
	up, err := imresize.Upscale(lr, 4)
	if err != nil {
		t.Fatal(err)
	}
	want, err := metrics.PSNR(up, cut)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.Bicubic.PSNR-want) > 1e-9 {
		t.Errorf("bicubic has %v dB, want %v", s.Bicubic.PSNR, want)
	}
	if s.Projected.LRConsistency < s.Sample.LRConsistency+5 {
		t.Errorf("LR consistency %.1f dB, projected %.1f dB", s.Sample.LRConsistency, s.Projected.LRConsistency)
	}
	if s.Mean.PSNR < s.Sample.PSNR {
		t.Errorf("the mean has %.2f dB, a sample %.2f dB", s.Mean.PSNR, s.Sample.PSNR)
	}
	if s.Deviation <= 0 || s.Deviation != s.LargestDeviation {
		t.Errorf("deviation %v, the largest %v", s.Deviation, s.LargestDeviation)
	}
	for want, o := range map[string]QualityOptions{
		"no pictures":  {Data: t.TempDir(), Samples: 2},
		"no set":       {Data: data, Samples: 2, Sets: []string{"set5"}},
		"2 at least":   {Data: data, Samples: 1},
		"no such file": {Data: data, Samples: 2, File: filepath.Join(data, "model.safetensors")},
	} {
		if _, err := MeasureQuality(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
