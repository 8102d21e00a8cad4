package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// read reads an image file.
func read(t testing.TB, path ...string) *picture.Image {
	t.Helper()
	m, err := picture.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readJSON reads golden records.
func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got == want {
		return // also infinities
	}
	if d := math.Abs(got - want); !(d <= tolerance) {
		t.Errorf("%s: got %.12g, want %.12g (differs by %.2g, tolerance %.2g)", what, got, want, d, tolerance)
	}
}

// Wants from BasicSR's calculate_psnr on uint8 RGB, and PSNR by scikit-image
// of the MATLAB uint8 LR images; the images derive from scikit-image's
// samples and an MNIST digit.
// A score at another factor than the passport's is refused.
func TestLRPSNRFactor(t *testing.T) {
	sr, lr := picture.NewImage(16, 12), picture.NewImage(8, 6)
	if _, err := (LRPSNRMetric{Factor: 4}).Score(sr, lr); !errors.Is(err, ErrSize) {
		t.Errorf("2 as 4: %v", err)
	}
	two := AtFactor([]Metric{PSNRMetric{}, LRPSNRMetric{}, NTIRELRPSNR(4)}, 2)
	if v, err := two[1].Score(sr, lr); err != nil || !math.IsInf(v, 1) || two[1].Info().Factor != 2 || two[2].Info() != NTIRELRPSNR(4).Info() {
		t.Errorf("%v, %v, %+v", v, err, two[1].Info())
	}
	table, err := NewTable(two[1].Info())
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Add("a", "b", Score{LRPSNRMetric{Factor: 4}.Info(), 30}); !errors.Is(err, ErrPassport) {
		t.Errorf("two factors in one column: %v", err)
	}
}

func TestPSNRTestdata(t *testing.T) {
	for _, c := range []struct {
		id, dist string
		hr, lr   float64
	}{
		{"c", "noise", 26.657553444691242, 40.062117451266666},
		{"c", "up", 34.32798438957287, 45.598231469999305},
		{"e", "up", 15.576087882076624, 26.822872644803745},
	} {
		sr := read(t, "testdata", c.id+"_"+c.dist+".png")
		got, err := PSNR(sr, read(t, "testdata", c.id+"_ref.png"))
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.id+"_"+c.dist+" PSNR", got, c.hr, 1e-9)
		got, err = LRPSNR(sr, read(t, "testdata", c.id+"_lr.png"))
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.id+"_"+c.dist+" LR-PSNR", got, c.lr, 1e-9)
	}
}

func TestPSNRErrors(t *testing.T) {
	a := picture.NewImage(28, 28)
	if got, err := PSNR(a, a); err != nil || !math.IsInf(got, 1) {
		t.Errorf("equal images: got %v, %v, want +Inf", got, err)
	}
	for name, b := range map[string]*picture.Image{
		"narrower": picture.NewImage(27, 28),
		"swapped":  picture.NewImage(14, 56),
		"empty":    {},
	} {
		if _, err := PSNR(a, b); !errors.Is(err, ErrSize) {
			t.Errorf("%s: got error %v, want ErrSize", name, err)
		}
	}
	if _, err := PSNR(&picture.Image{}, &picture.Image{}); !errors.Is(err, ErrTooSmall) {
		t.Errorf("two empty images: got error %v, want ErrTooSmall", err)
	}
}

func TestScaleFactor(t *testing.T) {
	for _, c := range []struct{ w, h, lrW, lrH, want int }{
		{28, 28, 7, 7, 4},
		{131, 97, 33, 25, 4},
		{5, 5, 5, 5, 1},
		{28, 28, 7, 14, 0}, // sides disagree
		{7, 7, 28, 28, 0},  // enlarged
		{7, 7, 1, 2, 0},    // 4, 5 and 6 would do
	} {
		got, err := Factor(c.w, c.h, c.lrW, c.lrH)
		if got != c.want || (err == nil) != (c.want != 0) || (err != nil && !errors.Is(err, ErrSize)) {
			t.Errorf("%d×%d from %d×%d: got %d, %v, want %d", c.w, c.h, c.lrW, c.lrH, got, err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	for _, id := range IDs() {
		m, err := Find(id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		} else if m.Info().ID != id {
			t.Errorf("%s: found %s", id, m.Info().ID)
		}
	}
	if m, err := Find("lpips/alex/0.1/nearestx4"); err != nil || m.Info().ID != "lpips/alex/0.1/nearest×4" {
		t.Errorf("nearestx4: got %v, %v", m, err)
	}
	for _, id := range []string{"", "psnr", "lpips/alex/0.1/nearest×0", "lpips/alex/0.1/nearest×03", "lpips/alex/0.1/nearest×+3", "lpips/alex/0.1/nearestx 3", "lpips/alex/0.1/nearest×99999999999999999999"} {
		if m, err := Find(id); !errors.Is(err, ErrUnknown) || m != nil {
			t.Errorf("%q: got %v, %v, want ErrUnknown", id, m, err)
		}
	}
}

func TestScoreAll(t *testing.T) {
	ref := read(t, "testdata", "c_ref.png")
	images := []*picture.Image{read(t, "testdata", "c_up.png"), ref, read(t, "testdata", "c_noise.png")}
	for _, id := range []string{psnrInfo.ID, lpipsID("alex")} {
		m, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := ScoreAll(context.Background(), m, images, ref)
		if err != nil {
			t.Fatal(err)
		}
		for i, image := range images {
			want, err := m.Score(image, ref)
			if err != nil {
				t.Fatal(err)
			}
			if scores[i] != want {
				t.Errorf("%s of image %d: %v together, %v alone", id, i, scores[i], want)
			}
		}
	}
	bad := append(images, picture.NewImage(3, 3))
	if _, err := ScoreAll(context.Background(), PSNRMetric{}, bad, ref); !errors.Is(err, ErrSize) {
		t.Errorf("an image of another size: got error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ScoreAll(ctx, PSNRMetric{}, images, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got error %v", err)
	}
}

func ExamplePSNR() {
	hr := picture.NewImage(28, 28)
	sr := picture.NewImage(28, 28)
	for i := range sr.Pix {
		sr.Pix[i] = 0.1 // 26 of 255 on screen
	}
	psnr, err := PSNR(sr, hr)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f dB\n", psnr)
	// Output: 19.83 dB
}

func ExampleFind() {
	for _, id := range []string{"psnr/rgb/crop0", "ssim/y601studio/crop4", "lrpsnr/matlab-u8/vs-lr", "lpips/alex/0.1", "nrqm/official"} {
		m, err := Find(id)
		if err != nil {
			fmt.Println(err)
			return
		}
		info := m.Info()
		fmt.Printf("%s: %s, against %s, from %d pixels\n", info.ID, info.Label(), info.Reference, info.MinSide)
	}
	// Output:
	// psnr/rgb/crop0: PSNR (dB) ↑, against HR, from 1 pixels
	// ssim/y601studio/crop4: SSIM ↑, against HR, from 19 pixels
	// lrpsnr/matlab-u8/vs-lr: LR-PSNR (dB) ↑, against LR, from 1 pixels
	// lpips/alex/0.1: LPIPS ↓, against HR, from 31 pixels
	// nrqm/official: NRQM ↑, against none, from 84 pixels
}
