package metrics

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

func TestTable(t *testing.T) {
	psnrInfo, lpipsInfo := PSNRMetric{}.Info(), Info{ID: "lpips/alex/0.1", Name: "LPIPS", Direction: LowerIsBetter, Weights: "abc"}
	table, err := NewTable(psnrInfo, lpipsInfo)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		row, image string
		info       Info
		value      float64
	}{
		{"EDSR", "a", psnrInfo, 25}, {"EDSR", "b", psnrInfo, 27}, {"EDSR", "a", lpipsInfo, .1}, {"EDSR", "b", lpipsInfo, .3},
		{"LDM|SS", "a", psnrInfo, 26}, {"LDM|SS", "b", psnrInfo, math.Inf(1)}, {"LDM|SS", "a", lpipsInfo, .4},
	} {
		if err := table.Add(c.row, c.image, Score{c.info, c.value}); err != nil {
			t.Fatal(err)
		}
	}
	// Of 2000 resamples of two values about a quarter each are all of one.
	want := `| method | images | PSNR (dB) ↑ | LPIPS ↓ |
|---|--:|--:|--:|
| EDSR | 2 | 26.00 [25.00, 27.00] | **0.2000** [0.1000, 0.3000] |
| LDM\|SS | 2 | **∞** [26.00, ∞] | 0.4000 (of 1) |

Mean over images [95 % percentile bootstrap interval over images, 2000 resamples]. Conventions:

- PSNR (dB) ↑: ` + "`psnr/rgb/crop0`" + `, against HR
- LPIPS ↓: ` + "`lpips/alex/0.1`, against HR, weights sha256 `abc`\n"
	if got := table.Markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var csv strings.Builder
	if err := table.WriteCSV(&csv); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(csv.String(), "\n")
	if len(lines) != 9 || lines[1] != "EDSR,a,psnr/rgb/crop0,PSNR,dB,higher,HR,,,25" || lines[6] != "LDM|SS,b,psnr/rgb/crop0,PSNR,dB,higher,HR,,,+Inf" {
		t.Errorf("got %d lines\n%s", len(lines), csv.String())
	}
}

func TestTableRefusesToMix(t *testing.T) {
	column := Info{ID: "lpips/alex/0.1", Name: "LPIPS", Weights: "aaaa"}
	other := column
	other.Weights = "bbbb"
	table, err := NewTable(PSNRMetric{}.Info(), column)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Add("m", "a", Score{column, .5}); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]Score{
		"another convention": {PSNRMetric{Colour: YStudio, Crop: 4}.Info(), 26},
		"other weights":      {other, .5},
		"no column":          {SSIMMetric{}.Info(), .5},
		"a second score":     {column, .5},
	} {
		if err := table.Add("m", "a", s); !errors.Is(err, ErrPassport) {
			t.Errorf("%s: got %v, want ErrPassport", what, err)
		}
	}
	if err := table.Add("m", "b", Score{column, math.NaN()}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: got %v", err)
	}
	if got := table.Cell("m", column.ID); got.N != 1 || got.Mean != .5 {
		t.Errorf("after refusals: %+v", got)
	}
	if got := table.Cell("m", "psnr/rgb/crop0"); got.N != 0 || !math.IsNaN(got.Mean) {
		t.Errorf("an empty cell: %+v", got)
	}
	if _, err := NewTable(column, other); err == nil {
		t.Error("two columns of one id")
	}
}

func TestTableTitles(t *testing.T) {
	table, err := NewTable(PSNRMetric{}.Info(), PSNRMetric{Colour: YStudio, Crop: 4}.Info(), SSIMMetric{}.Info())
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(table.Markdown(), "\n")
	if want := "| method | images | psnr/rgb/crop0 (dB) ↑ | psnr/y601studio/crop4 (dB) ↑ | SSIM ↑ |"; head != want {
		t.Errorf("got %s, want %s", head, want)
	}
}

func TestScoreJSON(t *testing.T) {
	b, err := json.Marshal(Score{PSNRMetric{}.Info(), math.Inf(1)})
	if want := `{"metric":"psnr/rgb/crop0","name":"PSNR","unit":"dB","better":"higher","reference":"HR","value":"inf"}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
}

func TestMapImage(t *testing.T) {
	m := &Map{Width: 5, Height: 1, Values: []float64{-1, 0, 1, 2, 3}}
	for x, want := range []float32{0, 0, .5, 1, 1} {
		if got := m.Image(0, 2).Pix[3*x+2]; got != want {
			t.Errorf("value %v: %v, want %v", m.Values[x], got, want)
		}
		if got := m.Image(2, 0).Pix[3*x]; got != 1-want {
			t.Errorf("value %v reversed: %v, want %v", m.Values[x], got, 1-want)
		}
	}
	if low, high := m.Range(); low != -1 || high != 3 {
		t.Errorf("range %v to %v", low, high)
	}
	if got := m.Image(1, 1).Pix[0]; got != .5 {
		t.Errorf("no range: %v", got)
	}
}

// Values of golden's metrics/pixel.csv for the enlarged astronaut, the pair with
// which toolkits disagree by 1.7 dB.
func TestExplainGolden(t *testing.T) {
	dir := golden.Path(t, "metrics", "img")
	rows, err := Explain(read(t, dir, "a_up.png"), read(t, dir, "a_ref.png"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"paper":        {"psnr/rgb/crop0": 24.85, "ssim/rgb/crop0": .7013},
		"basicsr":      {"psnr/rgb/crop4": 24.73, "ssim/rgb/crop4": .6932, "psnr/y601studio/crop4": 26.29},
		"matlab-sr":    {"psnr/y601studio-u8/crop4": 26.29},
		"pyiqa":        {"psnr/y601full/crop0/eps1e-8": 25.08, "ssim/y601full-u8/crop0/relu": .7082},
		"skimage":      {"ssim/rgb/crop0/uniform7": .7358},
		"torchmetrics": {"ssim/rgb/crop0/reflect": .7065},
		"piq":          {"ssim/rgb/crop0/pool256": .7013},
	}
	for _, r := range rows {
		id := r.Score.Passport.ID
		if v, ok := want[r.Preset][id]; ok {
			if r.Err != nil {
				t.Errorf("%s %s: %v", r.Preset, id, r.Err)
			}
			near(t, r.Preset+" "+id, r.Score.Value, v, map[bool]float64{true: .005, false: .00005}[r.Score.Passport.Unit == "dB"]+1e-9)
			delete(want[r.Preset], id)
		}
	}
	for preset, left := range want {
		for id := range left {
			t.Errorf("%s has no %s", preset, id)
		}
	}
}

func TestExplainSmallAndWrong(t *testing.T) {
	a := picture.NewImage(28, 28)
	rows, err := ExplainAt(a, a, nil, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	small := 0
	for _, r := range rows {
		if r.Score.Passport.ID == "" || r.Call == "" {
			t.Errorf("%+v", r)
		}
		if errors.Is(r.Err, ErrTooSmall) {
			small++
		}
		if r.Score.Passport.ID == "psnr/rgb/crop0/eps1e-8" && math.Abs(r.Score.Value-80) > 1e-9 {
			t.Errorf("equal images with 1e-8: %v dB, want 80", r.Score.Value)
		}
	}
	if small < 2 { // LPIPS and NRQM
		t.Errorf("%d conventions too small for 28×28", small)
	}
	if _, err := Explain(a, picture.NewImage(27, 28)); !errors.Is(err, ErrSize) {
		t.Errorf("sizes: got %v", err)
	}
	if _, err := ExplainAt(a, a, nil, 0, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("scale 0: got %v", err)
	}
}

// What toolkits compute with a network is in their presets.
func TestPresetNetworks(t *testing.T) {
	for _, p := range Presets(4) {
		want := map[string][]string{
			"piq":          {"lpips/vgg/0.1", "dists/torch256"},
			"torchmetrics": {"lpips/alex/0.1", "lpips/vgg/0.1", "lpips/squeeze/0.1", "dists/noresize"},
		}[p.Name]
		for _, id := range want {
			if !slices.ContainsFunc(p.Conventions, func(c Convention) bool { return c.ID == id }) {
				t.Errorf("%s lacks %s", p.Name, id)
			}
		}
		for _, c := range p.Conventions {
			if m, err := Find(c.ID); err != nil || m.Info().ID != c.ID {
				t.Errorf("%s: %s: %v", p.Name, c.ID, err)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	found, err := Select("basicsr, psnr/rgb/crop3,skimage", 3)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range found {
		ids = append(ids, m.Info().ID)
	}
	if got, want := strings.Join(ids, " "), "psnr/rgb/crop3 ssim/rgb/crop3 psnr/y601studio/crop3 ssim/y601studio/crop3 psnr/rgb/crop0 ssim/rgb/crop0/uniform7 ssim/rgb/crop0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, list := range []string{"", " , ", "psnr", "basicsr,nonsense"} {
		if _, err := Select(list, 4); !errors.Is(err, ErrUnknown) || hint.Of(err) == "" {
			t.Errorf("%q: got %v, hint %q", list, err, hint.Of(err))
		}
	}
	if _, err := Select("paper", 0); !errors.Is(err, ErrUnknown) {
		t.Errorf("scale 0: got %v", err)
	}
}
