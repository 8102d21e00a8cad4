package metrics

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/srspace/picture"
)

// conventions are the keys of golden's metrics/pixel.csv: what BasicSR,
// scikit-image, pyiqa, torchmetrics, piq and the NTIRE challenges compute.
// Tolerances are those of its README; pyiqa's SSIM is float32.
var conventions = []struct {
	key, id   string
	tolerance float64
}{
	{"psnr_rgb_crop0", "psnr/rgb/crop0", 1e-9},
	{"psnr_rgb_crop4", "psnr/rgb/crop4", 1e-9},
	{"psnr_y_crop0", "psnr/y601studio/crop0", 1e-4},
	{"psnr_y_crop4", "psnr/y601studio/crop4", 1e-4},
	{"psnr_y_matlab_u8_crop0", "psnr/y601studio-u8/crop0", 1e-9},
	{"psnr_y_matlab_u8_crop4", "psnr/y601studio-u8/crop4", 1e-9},
	{"ssim_rgb_crop0", "ssim/rgb/crop0", 1e-9},
	{"ssim_rgb_crop4", "ssim/rgb/crop4", 1e-9},
	{"ssim_y_crop0", "ssim/y601studio/crop0", 1e-5},
	{"ssim_y_crop4", "ssim/y601studio/crop4", 1e-5},
	{"ssim_y_matlab_u8_crop0", "ssim/y601studio-u8/crop0", 1e-9},
	{"ssim_y_matlab_u8_crop4", "ssim/y601studio-u8/crop4", 1e-9},
	{"skimage_psnr", "psnr/rgb/crop0", 1e-9},
	{"skimage_ssim_default7_rgb", "ssim/rgb/crop0/uniform7", 1e-9},
	{"skimage_ssim_wang_rgb", "ssim/rgb/crop0", 1e-9},
	{"pyiqa_psnr", "psnr/rgb/crop0/eps1e-8", 2e-4},
	{"pyiqa_psnry", "psnr/y601full/crop0/eps1e-8", 2e-4},
	{"pyiqa_ssim", "ssim/y601full-u8/crop0/relu", 2e-6},
	{"pyiqa_ssimc", "ssim/rgb/crop0/relu", 2e-6},
	{"torchmetrics_psnr", "psnr/rgb/crop0", 2e-4},
	{"torchmetrics_ssim_f64", "ssim/rgb/crop0/reflect", 1e-9},
	{"piq_psnr", "psnr/rgb/crop0/eps1e-8", 2e-4},
	{"piq_psnr_grey", "psnr/y601full/crop0/eps1e-8", 2e-4},
	{"piq_ssim_default", "ssim/rgb/crop0/pool256", 1e-9},
	{"piq_ssim_nodown", "ssim/rgb/crop0", 1e-9},
	{"lr_ntire_original_code", "lrpsnr/halfeven-u8/vs-hr/x4", 1e-9},
	{"lr_ntire_crop8", "lrpsnr/ntire/x4", 1e-9},
	{"lr_matlab_u8_vs_lrfile", "lrpsnr/matlab-u8/vs-lr", 1e-9},
	{"lr_float_vs_floatgt", "lrpsnr/float/vs-hr/x4", 1e-9},
	{"lr_float_vs_lrfile", "lrpsnr/float/vs-lr", 1e-9},
}

func TestConventionsGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	records := golden.Table(t, "metrics", "pixel.csv")
	compared := 0
	for _, r := range records {
		names := [2]string{r["ref"], r["dist"]}
		hr, sr := read(t, dir, "img", names[0]+".png"), read(t, dir, "img", names[1]+".png")
		lr := read(t, dir, "img", names[0][:1]+"_lr.png")
		for _, c := range conventions {
			field, ok := r[c.key]
			if !ok {
				continue
			}
			want, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Find(c.id)
			if err != nil {
				t.Fatal(err)
			}
			ref := hr
			if m.Info().Reference == LR {
				ref = lr
			}
			got, err := m.Score(sr, ref)
			if err != nil {
				t.Fatal(err)
			}
			near(t, names[1]+" "+c.key, got, want, c.tolerance)
			mapped, err := m.(Mapper).Map(sr, ref)
			if err != nil {
				t.Fatal(err)
			}
			if mean := mapped.Mean(); m.Info().Name == "SSIM" {
				near(t, names[1]+" mean of the map of "+c.id, mean, got, 1e-12)
			} else if m.(interface{ epsilon() bool }).epsilon() {
				near(t, names[1]+" mean of the map of "+c.id, decibels(mean+psnrEpsilon), got, 1e-9)
			} else {
				near(t, names[1]+" mean of the map of "+c.id, decibels(mean), got, 1e-9)
			}
			compared++
		}
	}
	if compared < 17*len(conventions) {
		t.Errorf("%d values compared, want %d", compared, 17*len(conventions))
	}
	t.Logf("%d values of %d pairs", compared, len(records))
}

func (m PSNRMetric) epsilon() bool { return m.Epsilon }
func (LRPSNRMetric) epsilon() bool { return false }

func TestSSIMMapGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	window, err := npy.ReadFile(filepath.Join(dir, "ssim_window_1d.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range gaussian11() {
		near(t, "window", v, window.Float64()[i], 1e-15)
	}
	golden, err := npy.ReadFile(filepath.Join(dir, "ssim_map_a_up_rgb.npy"))
	if err != nil {
		t.Fatal(err)
	}
	maps, err := SSIMMetric{}.Maps(read(t, dir, "img", "a_up.png"), read(t, dir, "img", "a_ref.png"))
	if err != nil {
		t.Fatal(err)
	}
	want := golden.Float64()
	if len(maps) != 3 || maps[0].Width != 118 || maps[0].Height != 118 || len(want) != 3*118*118 {
		t.Fatalf("%d maps of %d×%d, want 3 of 118×118", len(maps), maps[0].Width, maps[0].Height)
	}
	for i, w := range want {
		near(t, "map", maps[i%3].Values[i/3], w, 1e-7) // float32
	}
}

// Values of YStudio in BasicSR's own comment on rgb2ycbcr: white is 235,
// black 16. MATLAB's rgb2gray of (255, 0, 0) is 76, of (0, 255, 0) 150 and of
// (0, 0, 255) 29.
func TestLuma(t *testing.T) {
	for _, c := range []struct {
		colour  Colour
		r, g, b byte
		want    float64
	}{
		{YStudio, 0, 0, 0, 16}, {YStudio, 255, 255, 255, 235}, {YStudio, 255, 0, 0, 81.481},
		{YStudioU8, 255, 0, 0, 81}, {YStudioU8, 0, 255, 0, 145}, {YStudioU8, 0, 0, 255, 41},
		{YFull, 255, 0, 0, 76.245}, {YFull, 10, 20, 30, 18.15}, {YFullU8, 10, 20, 30, 18},
		{Gray, 255, 0, 0, 76}, {Gray, 0, 255, 0, 150}, {Gray, 0, 0, 255, 29}, {Gray, 255, 255, 255, 255},
	} {
		near(t, string(c.colour), c.colour.luma(c.r, c.g, c.b), c.want, 1e-12)
	}
}

// Blocks of 2×2 averaged, the last column left out.
func TestPool(t *testing.T) {
	p := plane{5, 2, []float64{1, 2, 3, 4, 9, 5, 6, 7, 10, 9}}
	got := pool(p, 2)
	if got.width != 2 || got.height != 1 || got.v[0] != 3.5 || got.v[1] != 6 {
		t.Errorf("got %+v", got)
	}
	// 383 pixels are 1.496 times 256: not shrunk; 384 are halved (1.5 to even).
	for side, want := range map[int]int{383: 383, 384: 192} {
		m := SSIMMetric{Window: Pool256}
		if got := m.planes(picture.NewImage(side, side+9))[0].width; got != want {
			t.Errorf("%d pixels become %d, want %d", side, got, want)
		}
	}
}

func TestReflected(t *testing.T) {
	got := reflected(plane{3, 1, []float64{1, 2, 3}}, 0)
	if got.width != 3 {
		t.Fatal(got)
	}
	p := plane{3, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}}
	got = reflected(p, 2)
	for x, want := range []float64{9, 8, 7, 8, 9, 8, 7} {
		if got.v[x] != want {
			t.Errorf("row 0, column %d: %v, want %v", x, got.v[x], want)
		}
	}
}

func TestConventionErrors(t *testing.T) {
	image := func(w, h int) *picture.Image { return picture.NewImage(w, h) }
	nan, inf := image(20, 20), image(20, 20)
	nan.Pix[100] = float32(math.NaN())
	inf.Pix[3] = float32(math.Inf(-1))
	one := &picture.Image{Width: 20, Height: 20, Pix: make([]float32, 400)}
	for _, c := range []struct {
		what, id string
		sr, ref  *picture.Image
		want     error
	}{
		{"sizes", "ssim/rgb/crop0", image(20, 20), image(20, 21), ErrSize},
		{"sizes", "psnr/y601studio/crop4", image(20, 20), image(21, 20), ErrSize},
		{"sizes", "lrpsnr/float/vs-hr/x4", image(20, 20), image(21, 20), ErrSize},
		{"no whole factor", "lrpsnr/matlab-u8/vs-lr", image(20, 20), image(5, 4), ErrSize},
		{"below the window", "ssim/rgb/crop0", image(10, 30), image(10, 30), ErrTooSmall},
		{"below window and border", "ssim/rgb/crop5", image(20, 30), image(20, 30), ErrTooSmall},
		{"all border", "psnr/rgb/crop10", image(20, 20), image(20, 20), ErrTooSmall},
		{"no multiple of 8", "lrpsnr/ntire/x4", image(7, 20), image(7, 20), ErrTooSmall},
		{"NaN", "psnr/rgb/crop0", nan, image(20, 20), ErrNotFinite},
		{"NaN in the reference", "ssim/rgb/crop0", image(20, 20), nan, ErrNotFinite},
		{"infinite", "lrpsnr/matlab-u8/vs-lr", inf, image(5, 5), ErrNotFinite},
		{"infinite", "lpips/alex/0.1/nearest×3", inf, image(20, 20), ErrNotFinite},
		{"one channel", "psnr/rgb/crop0", one, image(20, 20), ErrChannels},
		{"one channel in the reference", "ssim/rgb/crop0", image(20, 20), one, ErrChannels},
		{"no image", "ssim/rgb/crop0", nil, image(20, 20), ErrTooSmall},
		{"no reference", "lrpsnr/matlab-u8/vs-lr", image(20, 20), nil, ErrTooSmall},
	} {
		m, err := Find(c.id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Score(c.sr, c.ref); !errors.Is(err, c.want) {
			t.Errorf("%s, %s: got %v, error %v, want %v", c.id, c.what, got, err, c.want)
		}
	}
	for _, m := range []Metric{
		PSNRMetric{Colour: "hsv"}, PSNRMetric{Crop: -1}, SSIMMetric{Colour: "hsv"}, SSIMMetric{Crop: -1},
		SSIMMetric{Window: "box"}, LRPSNRMetric{Downscaling: "up"}, LRPSNRMetric{Scale: -1},
	} {
		if got, err := m.Score(image(20, 20), image(20, 20)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%+v: got %v, error %v, want ErrUnknown", m, got, err)
		}
	}
	for _, id := range []string{"psnr/rgb/crop", "psnr/rgb/crop-1", "psnr/rgb/crop00", "ssim/rgb/crop99999999999999999999", "ssim/rgb/crop0/", "lrpsnr/up/vs-lr", "lrpsnr/ntire/x0x4"} {
		if m, err := Find(id); !errors.Is(err, ErrUnknown) || m != nil {
			t.Errorf("%q: got %v, %v, want ErrUnknown", id, m, err)
		}
	}
}

func TestLRResidual(t *testing.T) {
	// A flat picture 3 of 255 brighter than its LR, ten times enlarged.
	sr, lr := picture.NewImage(8, 8), picture.NewImage(2, 2)
	for i := range sr.Pix {
		sr.Pix[i] = 103. / 255
	}
	for i := range lr.Pix {
		lr.Pix[i] = 100. / 255
	}
	got, err := LRResidual(sr, lr, 10)
	if err != nil {
		t.Fatal(err)
	}
	if got.Width != 2 || got.Height != 2 {
		t.Fatalf("%d×%d, want 2×2", got.Width, got.Height)
	}
	for _, v := range got.Pix {
		near(t, "residual", float64(v), 0.5+30./255, 1e-7)
	}
}
