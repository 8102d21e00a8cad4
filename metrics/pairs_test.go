package metrics

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace/picture"
)

// folder returns a folder with empty files of these names.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenFiles(t *testing.T) {
	dir := folder(t, "baby_RDN_x4.png", "bird_RCAN_x4.TIFF", ".hidden.png", "notes.txt")
	if err := os.Mkdir(filepath.Join(dir, "deeper.png"), 0o777); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][]string{
		"":          {"baby_RDN_x4", "bird_RCAN_x4"},
		"{}_*_x4":   {"baby", "bird"},
		"b{}_*":     {"aby", "ird"},
		"{}_R*_x4":  {"baby", "bird"},
		"{}_RDN_x4": {"baby"},
	} {
		f, err := OpenFiles(dir, pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Names(); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", pattern, got, want)
		}
		if got := f.Skipped(); got != 2-len(want) {
			t.Errorf("%q: %d skipped", pattern, got)
		}
	}
	for pattern, want := range map[string]error{"{}_RRDB_x4": ErrNames, "b*{}x4": nil, "x4": ErrNames, "{}{}": ErrNames} {
		if _, err := OpenFiles(dir, pattern); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", pattern, err, want)
		}
	}
	if _, err := OpenFiles(folder(t, "notes.txt"), ""); !errors.Is(err, ErrEmptyFolder) || hint.Of(err) == "" {
		t.Errorf("no pictures: %v", err)
	}
	if _, err := OpenFiles(folder(t), ""); !errors.Is(err, ErrEmptyFolder) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := OpenFiles(folder(t, "a.png", "a.jpg"), ""); !errors.Is(err, ErrNames) {
		t.Errorf("two files of one name: %v", err)
	}
	if _, err := OpenFiles(filepath.Join(dir, "absent"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	single, err := OpenFiles(filepath.Join(dir, "baby_RDN_x4.png"), "{}_x9")
	if err != nil || !single.Single() || single.Path("anything") == "" {
		t.Errorf("one file: %+v, %v", single, err)
	}
}

// Names are sorted as people count, equal in either Unicode form, and found in
// sub-folders where the folder itself has no picture.
func TestOpenFilesNames(t *testing.T) {
	open := func(names ...string) *Files {
		t.Helper()
		dir := t.TempDir()
		for _, n := range names {
			path := filepath.Join(dir, filepath.FromSlash(n))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		f, err := OpenFiles(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, c := range []struct {
		files, names []string
		below        string
	}{
		{[]string{"img10.png", "img2.png", "img1.png"}, []string{"img1", "img2", "img10"}, ""},
		{[]string{"X/0002.png", "X/0001.png"}, []string{"0001", "0002"}, "the sub-folder X"},
		{[]string{"x/X4/1.png", "x/X4/2.png"}, []string{"1", "2"}, "the sub-folder x/X4"},
		{[]string{"a/1.png", "b/1.png", ".git/3.png"}, []string{"a/1", "b/1"}, "2 sub-folders"},
		{[]string{"x/ab/1.png", "x/ac/1.png"}, []string{"ab/1", "ac/1"}, "the sub-folder x"},
		{[]string{"top.png", "X/0001.png"}, []string{"top"}, ""},
	} {
		f := open(c.files...)
		if !slices.Equal(f.Names(), c.names) || f.Below() != c.below {
			t.Errorf("%q: names %q in %q, want %q in %q", c.files, f.Names(), f.Below(), c.names, c.below)
		}
		for _, name := range f.Names() {
			if _, err := os.Stat(f.Path(name)); err != nil {
				t.Error(err)
			}
		}
	}
	composed, decomposed := open("caf\u00e9.png"), open("cafe\u0301.png")
	if err := composed.Pair(decomposed); err != nil {
		t.Errorf("two forms of one name: %v", err)
	}
	if _, err := OpenFiles(folder(t, "caf\u00e9.png", "cafe\u0301.png"), ""); !errors.Is(err, ErrNames) {
		t.Errorf("two forms in one folder: %v", err)
	}
}

func TestPair(t *testing.T) {
	files := func(names ...string) *Files {
		f, err := OpenFiles(folder(t, names...), "")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if err := files("a.png", "b.jpg").Pair(files("b.png", "a.bmp")); err != nil {
		t.Errorf("extensions differ: %v", err)
	}
	for _, c := range []struct {
		a, b *Files
		hint string
	}{
		{files("a.png", "b.png"), files("a.png"), "pattern such as"},
		{files("a.png"), files("a.png", "b.png"), "pattern such as"},
		{files("a.png", "b.png"), files("a.png", "c.png"), "pattern such as"},
		{files("a.png"), files("b.png"), "pattern such as"},
		{files("baby_IMDN_x4.png", "head_IMDN_x4.png"), files("baby_HR_x4.png", "head_HR_x4.png"), "'{}_IMDN_x4' and '{}_HR_x4'"},
		{files("img_1_LR.png", "img_2_LR.png"), files("img_1_HR.png", "img_2_HR.png"), "'{}_LR' and '{}_HR'"},
		{files("babyx4.png", "birdx4.png"), files("baby.png", "bird.png"), "'{}x4' and '{}'"},
		{files("SR_img1.png", "SR_img10.png"), files("img1.png", "img10.png"), "'SR_{}' and '{}'"},
		{files("SR_img1.png", "SR_img12.png"), files("HR_img1.png", "HR_img12.png"), "'SR_{}' and 'HR_{}'"},
		{files("baby_SR.png"), files("baby_HR.png"), "'{}_SR' and '{}_HR'"},
		{files("sr-baby.png"), files("baby.png"), "'sr-{}' and '{}'"},
	} {
		err := c.a.Pair(c.b)
		if !errors.Is(err, ErrNames) || !strings.Contains(hint.Of(err), c.hint) {
			t.Errorf("%v with %v: got %v, hint %q, want %q", c.a.Names(), c.b.Names(), err, hint.Of(err), c.hint)
		}
	}
}

func TestReadPicture(t *testing.T) {
	write := func(m image.Image) string {
		path := filepath.Join(t.TempDir(), "picture.png")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		return path
	}
	size := image.Rect(0, 0, 20, 20)
	translucent := image.NewNRGBA(size)
	translucent.Set(3, 4, color.NRGBA{1, 2, 3, 200})
	for what, c := range map[string]struct {
		picture image.Image
		want    error
	}{
		"16 bits":       {image.NewRGBA64(size), ErrDepth},
		"grey, 16 bits": {image.NewGray16(size), ErrDepth},
		"alpha":         {translucent, picture.ErrUnsupported},
		"grey":          {image.NewGray(size), nil},
	} {
		if _, err := ReadPicture(write(c.picture)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}

	// One channel beside three.
	colour := image.NewRGBA(size)
	for i := range colour.Pix {
		colour.Pix[i] = 255
	}
	colour.Set(7, 7, color.RGBA{200, 100, 50, 255})
	white := image.NewRGBA(size)
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	studio := []Metric{PSNRMetric{Colour: YStudio}}
	for what, c := range map[string]struct {
		a, b    image.Image
		metrics []Metric
		want    error
	}{
		"grey with colour":        {image.NewGray(size), colour, nil, ErrChannels},
		"colour with grey":        {colour, image.NewGray(size), nil, ErrChannels},
		"grey with RGB all grey":  {image.NewGray(size), white, studio, nil},
		"two grey":                {image.NewGray(size), image.NewGray(size), []Metric{PSNRMetric{}, SSIMMetric{}}, nil},
		"two grey, luma":          {image.NewGray(size), image.NewGray(size), studio, ErrChannels},
		"two grey, luma by SSIM":  {image.NewGray(size), image.NewGray(size), []Metric{SSIMMetric{Colour: YStudioU8, Crop: 4}}, ErrChannels},
		"colour with colour, too": {colour, white, studio, nil},
	} {
		paths := [2]string{write(c.a), write(c.b)}
		var pictures [2]*picture.Image
		for i, p := range paths {
			var err error
			if pictures[i], err = ReadPicture(p); err != nil {
				t.Fatal(err)
			}
		}
		err := CheckChannels(paths[0], paths[1], pictures[0], pictures[1])
		for _, m := range c.metrics {
			err = errors.Join(err, CheckLuma(m.Info().ID, paths[0], paths[1]))
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
}

func TestCalibrate(t *testing.T) {
	// Built in: the example pictures of LPIPS.
	rows, err := Calibrate("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || !rows[0].Agrees() || !rows[1].Agrees() {
		t.Errorf("got %+v", rows)
	}
	if _, err := Calibrate(t.TempDir(), nil); !errors.Is(err, fs.ErrNotExist) || hint.Of(err) == "" {
		t.Errorf("empty folder: %v", err)
	}
	for _, c := range []struct {
		value string
		ours  float64
		want  bool
	}{{"0.7237", 0.72374, true}, {"0.7237", 0.72366, true}, {"0.7237", 0.7240, false}, {"21.11", 21.13, false}} {
		if got := (Calibration{Published: Published{Value: c.value}, Ours: c.ours}).Agrees(); got != c.want {
			t.Errorf("%v for %s: %v, want %v", c.ours, c.value, got, c.want)
		}
	}
}

func TestCalibratePublished(t *testing.T) {
	rows, err := Calibrate(shared.Path(t, "data", "pyiqa_calib"), nil)
	if err != nil {
		t.Fatal(err)
	}
	agree := 0
	for _, r := range rows {
		if r.Err == nil && !r.Agrees() {
			t.Errorf("%s %s: got %v, published %s", r.Image, r.Metric, r.Ours, r.Value)
		}
		if r.Agrees() {
			agree++
		}
	}
	if agree < 3*3+2 { // PSNR, SSIM and LPIPS of three pairs, and the two built in
		t.Errorf("%d scores agree", agree)
	}
}
