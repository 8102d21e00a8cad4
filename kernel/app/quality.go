package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/natural"
	"github.com/trustsr/trustsr/srspace/picture"
)

// QualityOptions say on what the natural-image model is measured.
type QualityOptions struct {
	Data     string   // folder with kodak, sr_test/Set5_x4, sr_test/Set14_x4 and photos, or some of them
	File     string   // a model that training wrote; "" is the embedded one
	Backend  string   // a GoMLX backend; "" chooses
	Samples  int      // of each picture, 2 at least; their mean is an ensemble
	Sets     []string // of QualitySets; none is all
	Sheets   string   // folder that gets a picture of each picture's samples, see writeSheet; "" is none
	Progress func(done, total int)
}

// Quality is what was measured of a model.
type Quality struct {
	Weights string       `json:"weights_sha256"`
	Steps   int          `json:"steps"`
	Samples int          `json:"samples"` // of each picture
	Sets    []SetQuality `json:"sets"`
}

// SetQuality is what was measured on a set of pictures: means over them, and
// for samples over all of each picture.
type SetQuality struct {
	Name       string  `json:"set"`
	Pictures   int     `json:"pictures"`
	Bicubic    Figures `json:"bicubic"`
	FirstStage Figures `json:"first_stage"` // HR encoded and decoded
	Sample     Figures `json:"sample"`
	Projected  Figures `json:"projected_sample"` // the first sample of each, projected 3 times
	Mean       Figures `json:"mean_of_samples"`

	// Deviation over samples, of 255: the mean over pictures and the largest.
	Deviation        float64 `json:"deviation"`
	LargestDeviation float64 `json:"largest_deviation"`
	MostVaried       string  `json:"most_varied"`
}

// Figures are PSNR of RGB in dB, LPIPS with AlexNet, and the PSNR of the
// reduced picture and its LR picture in dB.
type Figures struct {
	PSNR          float64 `json:"psnr"`
	LPIPS         float64 `json:"lpips"`
	LRConsistency float64 `json:"lr_consistency"`
}

// projections is how often a sample is projected to be measured so.
const projections = 3

// named is an HR picture.
type named struct {
	name string
	hr   *picture.Image
}

// qualitySets are the sets by name: the folder below Data, and how their
// pictures are read from it.
var qualitySets = []struct {
	name, folder string
	read         func(folder string) ([]named, error)
}{
	{"Kodak, 24 busy crops", "kodak", func(f string) ([]named, error) { return readCrops(f, natural.KodakCrops()) }},
	{"Set5", "sr_test/Set5_x4", func(f string) ([]named, error) { return readBenchmark(f, 0) }},
	{"Set14, 192×192 centre crops", "sr_test/Set14_x4", func(f string) ([]named, error) { return readBenchmark(f, 192) }},
	{"photographs held out", "photos", func(f string) ([]named, error) { return readCrops(f, natural.HeldOutCrops()) }},
}

// QualitySets are the names of the sets by the folder each is read from.
func QualitySets() []string {
	var out []string
	for _, s := range qualitySets {
		out = append(out, s.folder)
	}
	return out
}

func readCrops(folder string, crops []natural.Crop) ([]named, error) {
	var out []named
	for _, c := range crops {
		hr, err := c.Read(folder)
		if err != nil {
			return nil, err
		}
		out = append(out, named{c.Name, hr})
	}
	return out, nil
}

// readBenchmark reads the HR pictures (*_HR.png) of a folder, cut at the right
// and at the bottom to multiples of 4 pixels; centre, unless 0, is the side of
// the part in their middle that is taken.
func readBenchmark(folder string, centre int) ([]named, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*_HR.png"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *_HR.png in %s", folder)
	}
	sort.Strings(files)
	var out []named
	for _, file := range files {
		hr, err := picture.ReadFile(file)
		if err != nil {
			return nil, err
		}
		w, h, left, top := hr.Width/4*4, hr.Height/4*4, 0, 0
		if centre > 0 {
			w, h = min(w, centre), min(h, centre)
			left, top = (hr.Width-w)/8*4, (hr.Height-h)/8*4
		}
		out = append(out, named{filepath.Base(file), hr.Crop(left, top, w, h)})
	}
	return out, nil
}

// MeasureQuality measures the natural-image model. Sets whose folder is not
// there are left out; it is an error if none is.
func MeasureQuality(ctx context.Context, o QualityOptions) (*Quality, error) {
	if o.Samples < 2 {
		return nil, fmt.Errorf("%d samples of each picture: 2 at least", o.Samples)
	}
	sets, total, err := o.read()
	if err != nil {
		return nil, err
	}
	m, err := natural.Open(o.Backend)
	if o.File != "" {
		m, err = natural.OpenFile(o.Backend, o.File)
	}
	if err != nil {
		return nil, err
	}
	lpips, err := metrics.LPIPSAlex()
	if err != nil {
		return nil, err
	}
	measure := measurer{m, lpips, o.Sheets}
	q := &Quality{Weights: m.Recipe().Weights, Steps: m.Steps, Samples: o.Samples}
	done := 0
	for _, set := range sets {
		r := SetQuality{Name: set.name, Pictures: len(set.pictures)}
		part := 1 / float64(len(set.pictures))
		for _, p := range set.pictures {
			if err := measure.picture(ctx, p, o.Samples, part, &r); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", set.name, p.name, err)
			}
			done++
			if o.Progress != nil {
				o.Progress(done, total)
			}
		}
		q.Sets = append(q.Sets, r)
	}
	return q, nil
}

// pictureSet is a set that was read.
type pictureSet struct {
	name     string
	pictures []named
}

func (o QualityOptions) read() (sets []pictureSet, total int, err error) {
	wanted := map[string]bool{}
	for _, s := range o.Sets {
		wanted[s] = true
	}
	for _, s := range qualitySets {
		folder := filepath.Join(o.Data, s.folder)
		asked := wanted[s.folder]
		delete(wanted, s.folder)
		if len(o.Sets) > 0 && !asked {
			continue
		}
		if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) && !asked {
			continue
		}
		pictures, err := s.read(folder)
		if err != nil {
			return nil, 0, err
		}
		sets = append(sets, pictureSet{s.name, pictures})
		total += len(pictures)
	}
	for s := range wanted {
		return nil, 0, fmt.Errorf("no set %.100q: %v", s, QualitySets())
	}
	if total == 0 {
		return nil, 0, hint.With(fmt.Errorf("no pictures to measure with in %q", o.Data), fmt.Sprintf("it must hold one of the folders %v", QualitySets()))
	}
	return sets, total, nil
}

// measurer measures pictures with one loaded model.
type measurer struct {
	model  *natural.Model
	lpips  *metrics.LPIPS
	sheets string
}

// picture adds what a picture's samples are, weighing part, to r.
func (m measurer) picture(ctx context.Context, p named, n int, part float64, r *SetQuality) error {
	lr, err := imresize.Downscale(p.hr, 4)
	if err != nil {
		return err
	}
	add := func(to *Figures, img *picture.Image, part float64) error {
		f, err := m.figures(img, p.hr, lr)
		if err == nil {
			to.PSNR += part * f.PSNR
			to.LPIPS += part * f.LPIPS
			to.LRConsistency += part * f.LRConsistency
		}
		return err
	}
	bicubic, err := imresize.Upscale(lr, 4)
	if err != nil {
		return err
	}
	if err := add(&r.Bicubic, bicubic, part); err != nil {
		return err
	}
	decoded, err := m.firstStage(p.hr, lr)
	if err != nil {
		return err
	}
	if err := add(&r.FirstStage, decoded, part); err != nil {
		return err
	}
	samples, err := m.draw(ctx, lr, n, 0)
	if err != nil {
		return err
	}
	for _, s := range samples {
		if err := add(&r.Sample, s, part/float64(n)); err != nil {
			return err
		}
	}
	projected, err := m.draw(ctx, lr, 1, projections)
	if err != nil {
		return err
	}
	if err := add(&r.Projected, projected[0], part); err != nil {
		return err
	}
	mean, err := ensemble.Mean(samples)
	if err != nil {
		return err
	}
	if err := add(&r.Mean, mean, part); err != nil {
		return err
	}
	if m.sheets != "" {
		path := filepath.Join(m.sheets, strings.TrimSuffix(p.name, filepath.Ext(p.name))+".png")
		if err := writeSheet(path, lr, bicubic, p.hr, mean, samples); err != nil {
			return err
		}
	}
	d := deviation(samples)
	r.Deviation += part * d
	if d > r.LargestDeviation {
		r.LargestDeviation, r.MostVaried = d, p.name
	}
	return nil
}

func (m measurer) figures(img, hr, lr *picture.Image) (f Figures, err error) {
	for _, of := range []struct {
		metric metrics.Metric
		ref    *picture.Image
		to     *float64
	}{{metrics.PSNRMetric{}, hr, &f.PSNR}, {m.lpips, hr, &f.LPIPS}, {metrics.LRPSNRMetric{}, lr, &f.LRConsistency}} {
		if *of.to, err = of.metric.Score(img, of.ref); err != nil {
			return f, err
		}
	}
	f.LRConsistency = min(f.LRConsistency, 99) // equal pictures have no PSNR
	return f, nil
}

// draw draws n samples from seed 0.
func (m measurer) draw(ctx context.Context, lr *picture.Image, n, project int) ([]*picture.Image, error) {
	if err := m.model.Suit(lr.Width, lr.Height, n); err != nil {
		return nil, err
	}
	m.model.Project = project
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i)
	}
	var out []*picture.Image
	for s, err := range m.model.Sample(ctx, lr, seeds) {
		if err != nil {
			return nil, err
		}
		out = append(out, s.Image)
	}
	return out, nil
}

// firstStage encodes an HR picture and decodes it again.
func (m measurer) firstStage(hr, lr *picture.Image) (*picture.Image, error) {
	x, small := planes(hr), planes(lr)
	z, err := m.model.Model.Encode(x, small)
	if err != nil {
		return nil, err
	}
	y, err := m.model.Model.Decode(z, small, false)
	if err != nil {
		return nil, err
	}
	out := picture.NewImage(hr.Width, hr.Height)
	n := hr.Width * hr.Height
	for i := range out.Pix {
		out.Pix[i] = (y.Data[i%3*n+i/3] + 1) / 2
	}
	return out.Quantized(), nil
}

// planes is a picture as networks take it, [1, 3, h, w] in [-1,1].
func planes(img *picture.Image) *ldm.Tensor {
	n := img.Width * img.Height
	x := &ldm.Tensor{Shape: []int{1, 3, img.Height, img.Width}, Data: make([]float32, 3*n)}
	for i, v := range img.Pix {
		x.Data[i%3*n+i/3] = 2*v - 1
	}
	return x
}

// deviation is the mean over pixels and colours of the standard deviation over
// pictures (with n-1), of 255.
func deviation(images []*picture.Image) float64 {
	n, total := float64(len(images)), 0.0
	for i := range images[0].Pix {
		sum, squares := 0.0, 0.0
		for _, img := range images {
			v := 255 * float64(img.Pix[i])
			sum += v
			squares += v * v
		}
		total += math.Sqrt(max(0, squares-sum*sum/n) / (n - 1))
	}
	return total / float64(len(images[0].Pix))
}

// sheetSamples is how many samples a sheet shows.
const sheetSamples = 4

// writeSheet writes a row of pictures: LR enlarged without smoothing, bicubic,
// HR, the mean of all samples, and the first samples.
func writeSheet(path string, lr, bicubic, hr, mean *picture.Image, samples []*picture.Image) error {
	row := append([]*picture.Image{lr.Enlarged(4), bicubic, hr, mean}, samples[:min(len(samples), sheetSamples)]...)
	out := picture.NewImage(len(row)*hr.Width, hr.Height)
	for i, img := range row {
		for y := range hr.Height {
			copy(out.Pix[3*(y*out.Width+i*hr.Width):], img.Pix[3*y*hr.Width:3*(y+1)*hr.Width])
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return out.WritePNG(path)
}
