package imresize_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/shared"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

type goldenCase struct {
	Name      string
	In, Out   string
	Scale     float64
	Size      []int // height, width
	Antialias bool
	DType     string
}

func (c goldenCase) options() imresize.Options {
	o := imresize.Options{Scale: c.Scale, NoAntialias: !c.Antialias}
	if c.Size != nil {
		o.Height, o.Width = c.Size[0], c.Size[1]
	}
	return o
}

func read(t *testing.T, dir, name string) *npy.Array {
	t.Helper()
	a, err := npy.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Shape) == 2 {
		a.Shape = append(a.Shape, 1)
	}
	return a
}

func compare(t *testing.T, c goldenCase, in, want *npy.Array) (worst float64) {
	t.Helper()
	h, w, ch := in.Shape[0], in.Shape[1], in.Shape[2]
	size := fmt.Sprint(want.Shape[1], want.Shape[0])
	if in.DType == "uint8" {
		got, gw, gh, err := imresize.U8(in.Uint8(), w, h, ch, c.options())
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(gw, gh) != size || !slices.Equal(got, want.Uint8()) {
			t.Errorf("%d×%d: pixels differ from the golden ones of %s", gw, gh, size)
		}
		return 0
	}
	got, gw, gh, err := imresize.Float(in.Float64(), w, h, ch, c.options())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(gw, gh) != size {
		t.Fatalf("size %d×%d, want %s", gw, gh, size)
	}
	for i, v := range want.Float64() {
		worst = max(worst, math.Abs(got[i]-v))
	}
	if !(worst <= 1e-12) {
		t.Errorf("differs by %g, want at most 1e-12", worst)
	}
	return worst
}

func TestGolden(t *testing.T) {
	dir := golden.Path(t, "metrics", "imresize")
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []goldenCase }
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases")
	}
	worst := 0.0
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			worst = max(worst, compare(t, c, read(t, dir, c.In), read(t, dir, c.Out)))
		})
	}
	t.Logf("%d cases, largest float difference %g", len(golden.Cases), worst)
}

// The weights of the first, the middle and the last output pixel, read off
// impulses.
func TestContributionsGolden(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(golden.Path(t, "metrics", "imresize"), "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Contributions map[string]struct {
			In, Out int
			Scale   float64
			First   []int     `json:"row0_idx"`
			FirstW  []float64 `json:"row0_w"`
			Middle  []int     `json:"rowmid_idx"`
			MiddleW []float64 `json:"rowmid_w"`
			Last    []int     `json:"rowlast_idx"`
			LastW   []float64 `json:"rowlast_w"`
		}
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Contributions) == 0 {
		t.Fatal("no contributions")
	}
	for name, c := range golden.Contributions {
		for _, row := range []struct {
			pixel int
			at    []int
			w     []float64
		}{{0, c.First, c.FirstW}, {c.Out / 2, c.Middle, c.MiddleW}, {c.Out - 1, c.Last, c.LastW}} {
			want := make([]float64, c.In)
			for i, at := range row.at {
				want[at] += row.w[i]
			}
			for i := range c.In {
				impulse := make([]float64, c.In)
				impulse[i] = 1
				got, w, _, err := imresize.Float(impulse, c.In, 1, 1, imresize.Options{Scale: c.Scale})
				if err != nil || w != c.Out {
					t.Fatalf("%s: %d pixels, %v, want %d", name, w, err, c.Out)
				}
				if math.Abs(got[row.pixel]-want[i]) > 1e-14 {
					t.Errorf("%s: weight of pixel %d in pixel %d is %v, want %v", name, i, row.pixel, got[row.pixel], want[i])
				}
			}
		}
	}
}

func TestRealMATLAB(t *testing.T) {
	dir := golden.Path(t, "metrics", "imresize", "matlab")
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			worst = max(worst, compare(t, c, read(t, dir, c.Name+"_in.npy"), read(t, dir, c.Name+"_out.npy")))
		})
	}
	t.Logf("%d cases, largest difference %g", len(cases), worst)
}

// The values are outputs of MATLAB, as sanghyun-son/bicubic_pytorch publishes
// them.
func TestMATLABLiteral(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []float64 // 4×4
		o    imresize.Options
		want []float64
	}{
		{
			"shrunk to 3×3",
			[]float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
			imresize.Options{Width: 3, Height: 3},
			[]float64{
				0.7505518763796901, 2.1004415011037523, 3.4503311258278133,
				6.150110375275939, 7.500000000000001, 8.849889624724064,
				11.549668874172186, 12.89955849889625, 14.24944812362031,
			},
		},
		{
			"enlarged to 5×5, no antialias",
			[]float64{100, 1, 0, 100, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			imresize.Options{Width: 5, Height: 5, NoAntialias: true},
			[]float64{
				108.68522499999966, 27.697097499999902, -12.446562499999981, 26.884192500000054, 109.20249999999992,
				35.4713649999999, 8.970788999999971, -3.589562499999994, 6.637437000000011, 26.96099999999997,
				-0.6503124999999991, -0.2122187499999997, 0.39453125, -1.6079062500000063, -6.531250000000005,
				-0.7680749999999994, -0.18962999999999977, 0.04593750000000004, 0, 0,
				0, 0, 0, 0, 0,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, _, err := imresize.Float(c.in, 4, 4, 1, c.o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				if d := math.Abs(got[i] - c.want[i]); !(d <= 1e-12) {
					t.Errorf("value %d is %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

// A 5×3 RGB picture whose shrunk pixels need both clipping and mirroring at
// the borders; wants from a Python statement of imresize that equals MATLAB's
// published uint8 outputs.
func TestU8Literal(t *testing.T) {
	in := []byte{
		173, 219, 180, 239, 186, 137, 102, 249, 36, 50, 65, 16, 28, 173, 108,
		136, 168, 255, 42, 254, 236, 228, 37, 1, 50, 35, 54, 234, 216, 7,
		31, 18, 153, 97, 185, 2, 209, 5, 204, 10, 82, 205, 254, 13, 17,
	}
	for _, c := range []struct {
		o    imresize.Options
		want []byte
	}{
		{imresize.Options{Scale: 0.25}, []byte{124, 129, 122, 130, 102, 72}},
		{imresize.Options{Scale: 0.25, NoAntialias: true}, []byte{152, 121, 105, 130, 90, 71}},
	} {
		got, w, h, err := imresize.U8(in, 5, 3, 3, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if w != 2 || h != 1 || !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %d×%d %v, want 2×1 %v", c.o, w, h, got, c.want)
		}
	}
}

// The mean of two neighbours is a tie: numpy's around goes to the even number,
// MATLAB's round away from zero.
func TestHalfEven(t *testing.T) {
	for _, c := range []struct{ left, right, want, even byte }{{0, 1, 1, 0}, {1, 2, 2, 2}, {2, 3, 3, 2}} {
		for _, even := range []bool{false, true} {
			want := c.want
			if even {
				want = c.even
			}
			got, _, _, err := imresize.U8([]byte{c.left, c.right}, 2, 1, 1, imresize.Options{Scale: 0.5, NoAntialias: true, HalfEven: even})
			if err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%d and %d, to even %v: got %v, %v, want %d", c.left, c.right, even, got, err, want)
			}
		}
	}
}

// The LR images with which SR papers test, reproduced from their HR images bit
// for bit: SelfExSR's copies of Set5, Set14, BSD100 and Urban100, and those of
// Set5 beside the published results of RCAN, RDN and IMDN. Each is also today's MATLAB
// but for the two outermost pixels.
func TestBenchmarkLR(t *testing.T) {
	reproduced := 0
	for _, set := range []struct{ folder, hr, lr string }{
		{"sr_test/Set5_x4", "_HR.png", "_LR.png"},
		{"sr_test/Set14_x4", "_HR.png", "_LR.png"},
		{"sr_test/BSD100_x4", "_HR.png", "_LR.png"},
		{"sr_test/Urban100_x4", "_HR.png", "_LR.png"},
		{"results_set5_x4/HR", "_HR_x4.png", "_LRBI_x4.png"},
	} {
		dir := shared.Path(t, "data", set.folder)
		files, err := filepath.Glob(filepath.Join(dir, "*"+set.hr))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d HR images, %v", dir, len(files), err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), set.hr) + set.lr
			lr := readImage(t, filepath.Join(strings.Replace(dir, "/HR", "/LR", 1), name))
			hr := readImage(t, file)
			got, w, h, err := imresize.U8(hr.Bytes(), hr.Width, hr.Height, 3, imresize.Options{Scale: 0.25, Replicate: true})
			if err != nil {
				t.Fatal(err)
			}
			want := lr.Bytes()
			if w != lr.Width || h != lr.Height || !bytes.Equal(got, want) {
				t.Errorf("%s %s: not reproduced", set.folder, name)
			}
			today, err := imresize.Downscale(hr, 4)
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range today.Bytes() {
				if x, y := i/3%w, i/3/w; b != want[i] && min(x, y, w-1-x, h-1-y) > 1 {
					t.Fatalf("%s %s: differs from today's MATLAB at (%d, %d)", set.folder, name, x, y)
				}
			}
			reproduced++
		}
	}
	t.Logf("%d LR images reproduced", reproduced)
}

func readImage(t *testing.T, path string) *picture.Image {
	t.Helper()
	m, err := picture.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSizes(t *testing.T) {
	for _, c := range []struct{ w, h, factor, wantW, wantH int }{
		{28, 28, 4, 7, 7},
		{29, 31, 4, 8, 8},
		{1, 3, 4, 1, 1},
		{147, 9, 3, 49, 3},
	} {
		lr, err := imresize.Downscale(picture.NewImage(c.w, c.h), c.factor)
		if err != nil {
			t.Fatal(err)
		}
		if lr.Width != c.wantW || lr.Height != c.wantH {
			t.Errorf("%d×%d by %d: got %d×%d, want %d×%d", c.w, c.h, c.factor, lr.Width, lr.Height, c.wantW, c.wantH)
		}
		up, err := imresize.Upscale(lr, c.factor)
		if err != nil {
			t.Fatal(err)
		}
		if up.Width != c.factor*c.wantW || up.Height != c.factor*c.wantH {
			t.Errorf("%d×%d enlarged by %d: got %d×%d", lr.Width, lr.Height, c.factor, up.Width, up.Height)
		}
	}
}

func TestErrors(t *testing.T) {
	pix := make([]byte, 12)
	for name, o := range map[string]imresize.Options{
		"nothing":  {},
		"both":     {Scale: 2, Width: 3, Height: 3},
		"negative": {Scale: -1},
		"NaN":      {Scale: math.NaN()},
		"huge":     {Scale: 1e18},
		"memory":   {Width: 60000, Height: 60000},
	} {
		if _, _, _, err := imresize.U8(pix, 2, 2, 3, o); !errors.Is(err, imresize.ErrSize) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	if _, _, _, err := imresize.U8(pix, 2, 3, 3, imresize.Options{Scale: 2}); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("short pixels: got error %v", err)
	}
	if _, err := imresize.Downscale(picture.NewImage(4, 4), 0); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("factor 0: got error %v", err)
	}
}

func ExampleDownscale() {
	// A bright right half: HR of 28×28 pixels.
	hr := picture.NewImage(28, 28)
	for i := range hr.Pix {
		if i/3%28 >= 14 {
			hr.Pix[i] = 1
		}
	}
	lr, err := imresize.Downscale(hr, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d×%d\n", lr.Width, lr.Height)
	for x := range lr.Width {
		fmt.Print(lr.Bytes()[3*x], " ")
	}
	// Output:
	// 7×7
	// 0 0 0 128 255 255 255
}
