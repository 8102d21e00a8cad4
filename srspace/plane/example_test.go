package plane_test

import (
	"fmt"
	"image"
	"image/png"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
	"github.com/trustsr/trustsr/srspace/plane"
	"gonum.org/v1/plot/vg"
)

// space returns the points of a plausible SR space of n samples, of methods
// and of ensembles.
func space(n int) []plane.Point {
	noise := make([]float32, 2*n)
	srspace.Noise(noise, 7, 0)
	var points []plane.Point
	for i := range n {
		a, b := float64(noise[2*i]), float64(noise[2*i+1])
		points = append(points, plane.Point{X: 17.5 + 0.9*a, Y: 0.162 - 0.006*a + 0.012*b, Kind: plane.Sample})
	}
	for i := range 30 {
		a, b := float64(noise[i%n]), float64(noise[n+i%n])
		points = append(points, plane.Point{X: 19.3 + 0.25*a, Y: 0.15 + 0.006*b, Kind: plane.Control})
	}
	return append(points,
		plane.Point{Label: "random sample", X: points[0].X, Y: points[0].Y, Kind: plane.Single},
		plane.Point{Label: "bicubic", X: 15.58, Y: 0.312, Kind: plane.Method},
		plane.Point{Label: "EDSR", X: 20.11, Y: 0.205, Kind: plane.Method},
		plane.Point{Label: "voted five", X: 19.52, Y: 0.139, Kind: plane.Ensemble},
		plane.Point{Label: "mean of all", X: 20.36, Y: 0.223, Kind: plane.Ensemble},
		plane.Point{Label: "HR", X: math.Inf(1), Y: 0, Kind: plane.Method},
	)
}

func ExamplePlane_WritePNG() {
	p := plane.New("SR space of a digit", "PSNR (dB) ↑", "LPIPS ↓", space(324))
	f, err := os.Create(filepath.Join(outDir, "plane.png"))
	if err != nil {
		log.Fatal(err)
	}
	if err := p.WritePNG(f, 6*vg.Inch, 4*vg.Inch); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ok")
	// Output: ok
}

// crowded returns a space whose named points lie in the band of its samples,
// two of them beside each other.
func crowded() []plane.Point {
	points := space(324)[:354]
	for i := range points { // a flat band below one far method
		points[i].X += 1.5
		points[i].Y = 0.08 + 0.4*(points[i].Y-0.15)
	}
	return append(points,
		plane.Point{Label: "one random sample (0)", X: points[0].X, Y: points[0].Y, Kind: plane.Single},
		plane.Point{Label: "bicubic", X: 15.0, Y: 0.55, Kind: plane.Method},
		plane.Point{Label: "mean of all 324 samples", X: 20.8, Y: 0.095, Kind: plane.Control},
		plane.Point{Label: "mean of 5 picks", X: 20.5, Y: 0.11, Kind: plane.Ensemble},
		plane.Point{Label: `mean of 5 (stand-in) of list "rival"`, X: 18.2, Y: 0.1, Kind: plane.Ensemble},
	)
}

// Named points are seen whole, and their names read, among many others.
func ExamplePlane_WritePNG_crowded() {
	p := plane.New("MNIST test digit", "PSNR (dB) ↑", "LPIPS ↓", crowded())
	f, err := os.Create(filepath.Join(outDir, "crowded.png"))
	if err != nil {
		log.Fatal(err)
	}
	if err := p.WritePNG(f, 6.25*vg.Inch, 4.7*vg.Inch); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ok")
	// Output: ok
}

func ExampleWall() {
	hr := readExample("e_ref")
	var samples []*picture.Image
	noise := make([]float32, len(hr.Pix))
	for seed := range uint64(22) {
		srspace.Noise(noise, seed, 0)
		sample := picture.NewImage(hr.Width, hr.Height)
		for i, v := range hr.Pix {
			sample.Pix[i] = v + 0.15*noise[i/3]
		}
		samples = append(samples, sample)
	}
	wall, err := plane.Wall(samples, 8, 2)
	if err != nil {
		log.Fatal(err)
	}
	save("wall.png", wall)
	fmt.Println(wall.Bounds().Size())
	// Output: (462,172)
}

func ExampleRow() {
	row, err := plane.Row(
		[]string{"LR", "bicubic", "HR"},
		[]*picture.Image{readExample("e_lr"), readExample("e_up"), readExample("e_ref")},
	)
	if err != nil {
		log.Fatal(err)
	}
	save("row.png", row)
	fmt.Println(row.Bounds().Size())
	// Output: (548,210)
}

// picture reads a test picture.
func readExample(name string) *picture.Image {
	m, err := picture.ReadFile(filepath.Join("testdata", name+".png"))
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// save writes a PNG to outDir.
func save(name string, m image.Image) {
	f, err := os.Create(filepath.Join(outDir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
