package nrqm

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

func TestCheckSize(t *testing.T) {
	for _, c := range []struct {
		w, h int
		want error
	}{
		{84, 84, nil}, // 21×21 at a quarter: 5×5 patches
		{83, 84, ErrTooSmall},
		{64, 64, ErrTooSmall}, // these three fail in the authors' code
		{101, 66, ErrTooSmall},
		{112, 80, ErrTooSmall},
		{150, 86, nil},
		{45, 164, nil}, // 3×9 patches
		{164, 45, nil},
		{45, 163, ErrTooSmall},
		{44, 4000, ErrTooSmall}, // 10 pixels for a window of 11
		{0, 0, ErrTooSmall},
		{-1, 100, ErrTooSmall},
		{1 << 40, 1 << 40, ErrTooLarge},
		{MaxPixels/100 + 1, 100, ErrTooLarge},
	} {
		if err := CheckSize(c.w, c.h); !errors.Is(err, c.want) {
			t.Errorf("%d×%d: got %v, want %v", c.w, c.h, err, c.want)
		}
	}
	if _, err := Compute(picture.NewImage(64, 64)); !errors.Is(err, ErrTooSmall) {
		t.Errorf("compute of 64×64: %v", err)
	}
}

// Sides of every remainder by 3, 4 and 5, odd and prime ones, the shortest.
func TestComputeSizes(t *testing.T) {
	sizes := [][2]int{{45, 164}, {211, 45}, {131, 127}}
	for side := 84; side < 92; side++ {
		sizes = append(sizes, [2]int{side, 175 - side})
	}
	for _, size := range sizes {
		f, err := Compute(texture(size[0], size[1], 7))
		if err != nil {
			t.Errorf("%d×%d: %v", size[0], size[1], err)
			continue
		}
		checkRanges(t, fmt.Sprintf("%d×%d", size[0], size[1]), f)
	}
}

// checkRanges checks what holds for the features of any picture.
func checkRanges(t *testing.T, name string, f *Features) {
	t.Helper()
	inside := func(what string, v []float64, low, high float64) {
		for i, x := range v {
			if !(x >= low && x <= high) {
				t.Errorf("%s: %s feature %d is %v, not in %v to %v", name, what, i, x, low, high)
			}
		}
	}
	for level := range 3 {
		dct := f.DCT[6*level:][:6]
		inside("DCT shape", dct[:2], 0.03, 10)
		inside("DCT variation", dct[2:4], 0, math.Sqrt(48)) // one of 48 values alone
		inside("DCT orientation", dct[4:], 0, 48)
		if dct[0] > dct[1] || dct[2] < dct[3] || dct[4] < dct[5] {
			t.Errorf("%s: a tenth is on the wrong side of the mean: %v", name, dct)
		}
		values := f.PCA[25*level:][:25]
		inside("PCA", values, 0, math.Inf(1))
		for i := 1; i < len(values); i++ {
			if values[i] > values[i-1] {
				t.Errorf("%s: singular values rise: %v", name, values)
				break
			}
		}
	}
	inside("GSM shape", f.GSM[:18], 0.03, 10)
	inside("GSM structure", f.GSM[18:], -1, 1)
}

func TestComputePatterns(t *testing.T) {
	pattern := func(value func(x, y int) float64) *picture.Image {
		img := picture.NewImage(96, 100)
		for i := range img.Pix {
			img.Pix[i] = float32(value(i/3%96, i/3/96))
		}
		return img
	}
	step := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	for name, c := range map[string]struct {
		value func(x, y int) float64
		want  error
	}{
		"black":          {func(x, y int) float64 { return 0 }, ErrFlat},
		"white":          {func(x, y int) float64 { return 1 }, ErrFlat},
		"gray":           {func(x, y int) float64 { return 0.3 }, ErrFlat},
		"not a number":   {func(x, y int) float64 { return math.NaN() }, ErrPixels},
		"pixel board":    {func(x, y int) float64 { return step((x+y)%2 == 0) }, ErrFlat},
		"one pixel":      {func(x, y int) float64 { return step(x == 50 && y == 50) }, nil},
		"stripes":        {func(x, y int) float64 { return step(x%8 < 4) }, nil},
		"half black":     {func(x, y int) float64 { return step(x > 48) * float64(x*y%17) / 17 }, nil},
		"out of range":   {func(x, y int) float64 { return float64(x*y%17) - 8 }, nil},
		"board of eight": {func(x, y int) float64 { return step((x/8+y/8)%2 == 0) }, nil},
		"infinite":       {func(x, y int) float64 { return math.Inf(x*y%17 - 8) }, ErrPixels},
	} {
		f, err := Compute(pattern(c.value))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err == nil {
			checkRanges(t, name, f)
		}
	}
}

func TestComputeOnAnyCores(t *testing.T) {
	img := texture(120, 97, 3)
	want, err := Compute(img)
	if err != nil {
		t.Fatal(err)
	}
	for _, cores := range []int{1, 5} {
		before := runtime.GOMAXPROCS(cores)
		got, err := Compute(img)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if *got != *want {
			t.Errorf("%d cores: other features", cores)
		}
	}
}

// More noise makes the finest normalised subbands more alike a Gaussian and
// their singular values flatter: the direction in which quality falls.
func TestComputeNoise(t *testing.T) {
	smooth := func(noise float64) *Features {
		img := picture.NewImage(128, 128)
		s := uint64(1)
		for i := range img.Pix {
			if i%3 == 0 {
				s = s*6364136223846793005 + 1442695040888963407
			}
			x, y := float64(i/3%128), float64(i/3/128)
			img.Pix[i] = float32(0.5 + 0.3*math.Sin(x/9)*math.Cos(y/7+x/31) + noise*(float64(s>>11)/(1<<53)-0.5))
		}
		f, err := Compute(img)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	clean, noisy := smooth(0.02), smooth(0.4)
	if c, n := clean.PCA[24]/clean.PCA[0], noisy.PCA[24]/noisy.PCA[0]; !(n > 5*c) {
		t.Errorf("last singular value over first: %v clean, %v noisy", c, n)
	}
	if c, n := clean.DCT[1], noisy.DCT[1]; !(n > c) {
		t.Errorf("mean shape of DCT blocks: %v clean, %v noisy", c, n)
	}
}

func TestGrayscale(t *testing.T) {
	img, err := picture.FromBytes([]byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 7, 7, 7, 1, 2, 4}, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := grayscale(img).v
	// MATLAB: rgb2gray(uint8(cat(3, …))): 255·0.2989, 255·0.5870, 255·0.1140, rounded.
	for i, want := range []float64{76, 150, 29, 255, 7, 2} {
		if got[i] != want {
			t.Errorf("pixel %d: got %v, want %v", i, got[i], want)
		}
	}
}

// One bright pixel meets each tap of the 3×3 Gaussian; the edge has zeros
// outside.
func TestHalve(t *testing.T) {
	const center, side, corner = 0.619347, 0.083820, 0.011344 // fspecial('gaussian', 3, 0.5)
	for _, c := range []struct {
		x, y int
		want [4]float64 // at (1,1), (3,1), (1,3), (3,3)
	}{
		{1, 1, [4]float64{center, 0, 0, 0}},
		{2, 1, [4]float64{side, side, 0, 0}},
		{2, 2, [4]float64{corner, corner, corner, corner}},
		{0, 0, [4]float64{corner, 0, 0, 0}},
		{3, 3, [4]float64{0, 0, 0, center}},
	} {
		b := newBand(4, 4)
		b.v[c.y*4+c.x] = 1
		got := halve(b)
		if got.w != 2 || got.h != 2 {
			t.Fatalf("4×4 becomes %d×%d", got.w, got.h)
		}
		for i, want := range c.want {
			if !(math.Abs(got.v[i]-want) <= 1e-6) {
				t.Errorf("pixel at (%d,%d): got %v, want %v", c.x, c.y, got.v, c.want)
			}
		}
	}
	if got := halve(newBand(5, 7)); got.w != 2 || got.h != 3 {
		t.Errorf("5×7 becomes %d×%d, want 2×3", got.w, got.h)
	}
}

func TestComputeRefuses(t *testing.T) {
	broken := picture.NewImage(90, 90)
	broken.Pix[5] = float32(math.Inf(-1))
	for what, c := range map[string]struct {
		image *picture.Image
		want  error
	}{
		"nil":         {nil, ErrTooSmall},
		"one channel": {&picture.Image{Width: 90, Height: 90, Pix: make([]float32, 8100)}, ErrPixels},
		"infinite":    {broken, ErrPixels},
	} {
		if _, err := Compute(c.image); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
