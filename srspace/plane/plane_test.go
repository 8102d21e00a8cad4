package plane_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"gonum.org/v1/plot/vg"
)

var regen = flag.Bool("regen", false, "write what the examples draw to testdata as the golden pictures")

// outDir is where examples draw to.
var outDir string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "plane")
	if err != nil {
		panic(err)
	}
	outDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// golden compares a picture that an example draws with testdata/NAME.
// Rasterisers differ in the last bits across processors, so pixels may
// differ by 8 levels.
func golden(t *testing.T, example func(), name string) {
	t.Helper()
	stdout := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	os.Stdout = null
	example()
	os.Stdout = stdout

	drawn := filepath.Join(outDir, name)
	path := filepath.Join("testdata", "golden_"+name)
	if *regen {
		b, err := os.ReadFile(drawn)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := pixels(t, drawn), pixels(t, path)
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%s is %v, golden %v", name, got.Bounds(), want.Bounds())
	}
	worst, at := 0, 0
	for i, v := range got.Pix {
		if d := int(v) - int(want.Pix[i]); max(d, -d) > worst {
			worst, at = max(d, -d), i/4
		}
	}
	if worst > 8 {
		w := got.Bounds().Dx()
		t.Errorf("%s differs from %s by up to %d levels, at (%d,%d); -regen accepts it", name, path, worst, at%w, at/w)
	}
}

func pixels(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	out := image.NewNRGBA(m.Bounds())
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Src)
	return out
}

func TestPlaneGolden(t *testing.T)   { golden(t, ExamplePlane_WritePNG, "plane.png") }
func TestCrowdedGolden(t *testing.T) { golden(t, ExamplePlane_WritePNG_crowded, "crowded.png") }
func TestWallGolden(t *testing.T)    { golden(t, ExampleWall, "wall.png") }
func TestRowGolden(t *testing.T)     { golden(t, ExampleRow, "row.png") }

// However crowded, the marks of named points are not covered: neither by the
// ground of a label nor by one another's names.
func TestNamedMarksAreSeen(t *testing.T) {
	seen := func(points []plane.Point, colour color.NRGBA) (n int) {
		t.Helper()
		var b bytes.Buffer
		if err := plane.New("", "PSNR (dB) ↑", "LPIPS ↓", points).WritePNG(&b, 6.25*vg.Inch, 4.7*vg.Inch); err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		for y := range m.Bounds().Dy() {
			for x := range m.Bounds().Dx() {
				if color.NRGBAModel.Convert(m.At(x, y)) == colour {
					n++
				}
			}
		}
		return n
	}
	orange := color.NRGBA{0xD5, 0x5E, 0x00, 0xFF} // of ensembles
	points := crowded()
	alone := seen(points[len(points)-1:], orange) // no legend: one mark
	if alone < 200 {
		t.Fatalf("an ensemble's mark has %d pixels", alone)
	}
	if got := seen(points, orange); got < 29*alone/10 { // two, and one in the legend
		t.Errorf("%d pixels of two ensembles and the legend's, want three times %d", got, alone)
	}
	// Six ensembles in a row, with names much longer than they are apart.
	for i := range 6 {
		points = append(points, plane.Point{Label: fmt.Sprintf("an ensemble with a long name, %d", i), X: 18.6 + 0.3*float64(i), Y: 0.09, Kind: plane.Ensemble})
	}
	if got := seen(points, orange); got < 85*alone/10 {
		t.Errorf("%d pixels of eight ensembles and the legend's, want nine times %d", got, alone)
	}
}

func TestSVG(t *testing.T) {
	p := plane.New("a < b & c", "PSNR (dB) ↑", "LPIPS ↓", space(20))
	var b bytes.Buffer
	if err := p.WriteSVG(&b, 5*vg.Inch, 4*vg.Inch); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "<text"); n == 0 || n != strings.Count(b.String(), ",sans-serif;") {
		t.Error("a text has no fallback font")
	}
	var text []string
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if s, ok := tok.(xml.CharData); ok {
			text = append(text, strings.TrimSpace(string(s)))
		}
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{"a < b & c", "PSNR (dB) ↑", "LPIPS ↓", "bicubic", "voted five", "20 samples", "undefined: HR"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q among the texts of the SVG", want)
		}
	}
}

func TestPlaneCopies(t *testing.T) {
	points := []plane.Point{{X: 1, Y: 2}}
	p := plane.New("", "x", "y", points)
	points[0].X = math.NaN()
	if err := p.WritePNG(io.Discard, 3*vg.Inch, 3*vg.Inch); err != nil {
		t.Errorf("one point, changed by its owner after New: %v", err)
	}
}

func TestPlaneErrors(t *testing.T) {
	for name, c := range map[string]struct {
		points []plane.Point
		width  vg.Length
		want   error
	}{
		"no points":    {nil, 300, plane.ErrEmpty},
		"all infinite": {[]plane.Point{{X: math.Inf(1)}, {Y: math.NaN()}}, 300, plane.ErrEmpty},
		"narrow":       {[]plane.Point{{}}, 10, plane.ErrSize},
		"wide":         {[]plane.Point{{}}, 1e9, plane.ErrSize},
		"NaN":          {[]plane.Point{{}}, vg.Length(math.NaN()), plane.ErrSize},
	} {
		p := plane.New("", "x", "y", c.points)
		if err := p.WritePNG(io.Discard, c.width, 300); !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", name, err, c.want)
		}
		if err := p.WriteSVG(io.Discard, c.width, 300); !errors.Is(err, c.want) {
			t.Errorf("%s, SVG: got error %v, want %v", name, err, c.want)
		}
	}
	unknown := plane.New("", "x", "y", []plane.Point{{Kind: 9}})
	if err := unknown.WritePNG(io.Discard, 300, 300); err == nil {
		t.Error("a point of an unknown kind was drawn")
	}
}

func TestWall(t *testing.T) {
	var images []*picture.Image
	for i := range 3 {
		m := picture.NewImage(2, 1)
		for j := range m.Pix {
			m.Pix[j] = float32(10*i+j/3) / 255
		}
		images = append(images, m)
	}
	wall, err := plane.Wall(images, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := wall.Bounds().Size(); got != image.Pt(14, 8) {
		t.Fatalf("size %v, want 14×8", got)
	}
	grey := func(v uint8) color.NRGBA { return color.NRGBA{v, v, v, 255} }
	for _, c := range []struct {
		x, y int
		want color.NRGBA
	}{
		{0, 0, grey(0)}, {2, 2, grey(0)}, {3, 0, grey(1)}, // first image
		{6, 0, grey(255)}, {0, 3, grey(255)}, // gaps
		{8, 2, grey(10)}, {13, 2, grey(11)}, // second
		{0, 5, grey(20)}, {5, 7, grey(21)}, // third
		{8, 5, grey(255)}, // empty place
	} {
		if got := wall.NRGBAAt(c.x, c.y); got != c.want {
			t.Errorf("pixel (%d,%d) is %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestPictureErrors(t *testing.T) {
	small, other := picture.NewImage(2, 2), picture.NewImage(3, 2)
	for name, c := range map[string]struct {
		images        []*picture.Image
		columns, zoom int
		want          error
	}{
		"none":         {nil, 2, 2, plane.ErrEmpty},
		"two sizes":    {[]*picture.Image{small, other}, 2, 2, plane.ErrSize},
		"no columns":   {[]*picture.Image{small}, 0, 2, plane.ErrSize},
		"no zoom":      {[]*picture.Image{small}, 2, 0, plane.ErrSize},
		"zoom":         {[]*picture.Image{small}, 2, math.MaxInt, plane.ErrSize},
		"large":        {[]*picture.Image{picture.NewImage(512, 512)}, 2, 256, plane.ErrSize},
		"empty images": {[]*picture.Image{{}, {}}, 1, 1, plane.ErrSize},
	} {
		if _, err := plane.Wall(c.images, c.columns, c.zoom); !errors.Is(err, c.want) {
			t.Errorf("wall, %s: got error %v, want %v", name, err, c.want)
		}
	}
	if _, err := plane.Row(nil, nil); !errors.Is(err, plane.ErrEmpty) {
		t.Errorf("row of none: got error %v", err)
	}
	if _, err := plane.Row([]string{"a"}, []*picture.Image{small, small}); err == nil {
		t.Error("a row with too few labels was drawn")
	}
	if _, err := plane.Row([]string{"a"}, []*picture.Image{{}}); !errors.Is(err, plane.ErrSize) {
		t.Errorf("row of an empty image: got error %v", err)
	}
}
