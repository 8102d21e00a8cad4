package metrics

import (
	"fmt"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Window is how SSIM takes local statistics and what it makes of them.
type Window string

const (
	// Wang is the definition of Wang et al.: an 11×11 Gaussian of σ 1.5, only
	// where it lies within the picture, population covariance. BasicSR and
	// most SR papers use it.
	Wang Window = ""

	// Uniform7 is scikit-image's default: 7×7 pixels of equal weight and the
	// sample covariance (48 in the denominator for 49 pixels).
	Uniform7 Window = "uniform7"

	// ContrastReLU is Wang with negative values of the second factor set to 0,
	// as pyiqa does.
	ContrastReLU Window = "relu"

	// Reflect is Wang over the whole picture, continued by reflection at the
	// borders, as torchmetrics does when it is told a data range of 255.
	Reflect Window = "reflect"

	// Pool256 is Wang of pictures shrunk first by averaging f×f pixels, f =
	// shorter side / 256 rounded: piq's default. It changes nothing below 384
	// pixels.
	Pool256 Window = "pool256"
)

// Windows lists the windows.
func Windows() []Window { return []Window{Wang, Uniform7, ContrastReLU, Reflect, Pool256} }

// SSIMMetric is the structural similarity of Wang et al., "Image Quality
// Assessment: From Error Visibility to Structural Similarity" (2004), under
// one convention: K = (0.01, 0.03), range 255, the mean over positions and
// channels, in float64; 1 for equal images. Its zero value is [SSIM],
// "ssim/rgb/crop0". Pictures are not shrunk first, as SR papers don't, unless
// the window says so.
type SSIMMetric struct {
	Colour Colour // "" is [RGB]
	Crop   int    // pixels cut off at each border first
	Window Window
}

var ssimInfo = SSIMMetric{}.Info()

// SSIM returns the structural similarity of two images of the same size,
// "ssim/rgb/crop0": Wang et al.'s definition for each channel of their 8-bit
// RGB values, the mean over channels, no border cropped beyond what the window
// needs. It equals BasicSR's calculate_ssim with crop_border=0 to 1e-9. Sides
// below 11 pixels are an error that wraps [ErrTooSmall].
func SSIM(a, b *picture.Image) (float64, error) { return SSIMMetric{}.Score(a, b) }

// Info returns the metric's passport: "ssim/rgb/crop0",
// "ssim/y601studio/crop4", "ssim/rgb/crop0/uniform7".
func (m SSIMMetric) Info() Info {
	id := fmt.Sprintf("ssim/%s/crop%d", m.colour(), m.Crop)
	if m.Window != Wang {
		id += "/" + string(m.Window)
	}
	side := 11
	switch m.Window {
	case Uniform7:
		side = 7
	case Reflect:
		side = 6 // the reflection reaches 5 pixels beyond the border
	}
	return Info{ID: id, Name: "SSIM", Direction: HigherIsBetter, Reference: HR, MinSide: 2*max(m.Crop, 0) + side}
}

func (m SSIMMetric) colour() Colour {
	if m.Colour == "" {
		return RGB
	}
	return m.Colour
}

// Score returns the SSIM of image against hr.
func (m SSIMMetric) Score(image, hr *picture.Image) (float64, error) {
	score, err := m.Prepare(hr)
	if err != nil {
		return 0, err
	}
	return score(image)
}

// Prepare works out the local means and squares of hr.
func (m SSIMMetric) Prepare(hr *picture.Image) (func(image *picture.Image) (float64, error), error) {
	maps, err := m.prepare(hr)
	if err != nil {
		return nil, err
	}
	return func(image *picture.Image) (float64, error) {
		channels, err := maps(image)
		if err != nil {
			return 0, err
		}
		sum := 0.0
		for _, c := range channels {
			sum += c.Mean()
		}
		return sum / float64(len(channels)), nil
	}, nil
}

// Map returns SSIM at each position, the mean over channels. It is smaller
// than the picture by 5 pixels at each border (3 for [Uniform7], 0 for
// [Reflect]) beside the crop. Its mean is the score.
func (m SSIMMetric) Map(image, hr *picture.Image) (*Map, error) {
	channels, err := m.Maps(image, hr)
	if err != nil {
		return nil, err
	}
	out := NewMap(channels[0].Width, channels[0].Height)
	for _, c := range channels {
		for i, v := range c.Values {
			out.Values[i] += v / float64(len(channels))
		}
	}
	return out, nil
}

// Maps returns SSIM at each position of each channel: three maps for [RGB],
// one for the other conventions.
func (m SSIMMetric) Maps(image, hr *picture.Image) ([]*Map, error) {
	maps, err := m.prepare(hr)
	if err != nil {
		return nil, err
	}
	return maps(image)
}

func (m SSIMMetric) prepare(hr *picture.Image) (func(image *picture.Image) ([]*Map, error), error) {
	info := m.Info()
	fail := func(err error) error { return fmt.Errorf("%s: %w", info.ID, err) }
	if err := m.colour().check(); err != nil {
		return nil, fail(err)
	}
	if m.Crop < 0 {
		return nil, fail(fmt.Errorf("%w: a negative border", ErrUnknown))
	}
	w, err := m.Window.statistics()
	if err != nil {
		return nil, fail(err)
	}
	if err := Check(hr); err != nil {
		return nil, fail(err)
	}
	if err := noSmaller(hr, info); err != nil {
		return nil, fail(err)
	}
	ref := m.planes(hr)
	means, squares := make([]plane, len(ref)), make([]plane, len(ref))
	for c, p := range ref {
		means[c], squares[c] = w.mean(p), w.mean(product(p, p))
	}
	return func(image *picture.Image) ([]*Map, error) {
		if err := sameSize(image, hr); err != nil {
			return nil, fail(err)
		}
		maps := make([]*Map, len(ref))
		for c, p := range m.planes(image) {
			maps[c] = w.similarity(w.mean(p), w.mean(product(p, p)), means[c], squares[c], w.mean(product(p, ref[c])))
		}
		return maps, nil
	}, nil
}

// planes returns the channels that are compared.
func (m SSIMMetric) planes(image *picture.Image) []plane {
	channels := m.colour().planes(image, m.Crop)
	if m.Window == Pool256 {
		for c, p := range channels {
			channels[c] = pool(p, int(math.RoundToEven(float64(min(p.width, p.height))/256)))
		}
	}
	return channels
}

// localStatistics is what a Window stands for.
type localStatistics struct {
	taps       []float64 // of the separable window, sum 1
	reflect    bool      // continue the picture; otherwise only whole windows count
	covariance float64   // factor: 1 for the population's
	relu       bool      // no negative contrast-structure
}

func (w Window) statistics() (localStatistics, error) {
	s := localStatistics{taps: gaussian11(), covariance: 1}
	switch w {
	case Wang, Pool256:
	case ContrastReLU:
		s.relu = true
	case Reflect:
		s.reflect = true
	case Uniform7:
		s.taps = make([]float64, 7)
		for i := range s.taps {
			s.taps[i] = 1. / 7
		}
		s.covariance = 49. / 48
	default:
		return s, fmt.Errorf("%w: no window %q, only %q", ErrUnknown, string(w), Windows())
	}
	return s, nil
}

// gaussian11 returns 11 taps of a Gaussian of σ 1.5, normalised: OpenCV's
// getGaussianKernel(11, 1.5).
func gaussian11() []float64 {
	taps := make([]float64, 11)
	sum := 0.0
	for i := range taps {
		d := float64(i - 5)
		taps[i] = math.Exp(-d * d / (2 * 1.5 * 1.5))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

// mean returns the windowed mean at each position.
func (s localStatistics) mean(p plane) plane {
	n := len(s.taps)
	if s.reflect {
		p = reflected(p, n/2)
	}
	across := newPlane(p.width-n+1, p.height)
	for y := range across.height {
		src, dst := p.v[y*p.width:(y+1)*p.width], across.v[y*across.width:(y+1)*across.width]
		for k, t := range s.taps {
			for x, v := range src[k : k+len(dst)] {
				dst[x] += float64(t * v) // no fused multiply-add: equal bits everywhere
			}
		}
	}
	out := newPlane(across.width, p.height-n+1)
	for y := range out.height {
		dst := out.v[y*out.width : (y+1)*out.width]
		for k, t := range s.taps {
			for x, v := range across.v[(y+k)*out.width:][:len(dst)] {
				dst[x] += float64(t * v)
			}
		}
	}
	return out
}

// similarity returns the SSIM map from windowed means and products.
func (s localStatistics) similarity(x, xx, y, yy, xy plane) *Map {
	const c1, c2 = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255)
	out := NewMap(x.width, x.height)
	for i := range out.Values {
		mx, my := x.v[i], y.v[i]
		mxx, myy, mxy := float64(mx*mx), float64(my*my), float64(mx*my)
		vx, vy, cov := s.covariance*(xx.v[i]-mxx), s.covariance*(yy.v[i]-myy), s.covariance*(xy.v[i]-mxy)
		contrast := (2*cov + c2) / (vx + vy + c2)
		if s.relu {
			contrast = max(contrast, 0)
		}
		out.Values[i] = (2*mxy + c1) / (mxx + myy + c1) * contrast
	}
	return out
}

func product(a, b plane) plane {
	out := newPlane(a.width, a.height)
	for i, v := range a.v {
		out.v[i] = v * b.v[i]
	}
	return out
}

// reflected continues a plane by n pixels at each border, the edge not
// repeated: … 2 1 | 0 1 2 …
func reflected(p plane, n int) plane {
	index := func(i, size int) int {
		if i < 0 {
			return -i
		}
		if i >= size {
			return 2*(size-1) - i
		}
		return i
	}
	out := newPlane(p.width+2*n, p.height+2*n)
	for y := range out.height {
		row := p.v[index(y-n, p.height)*p.width:]
		for x := range out.width {
			out.v[y*out.width+x] = row[index(x-n, p.width)]
		}
	}
	return out
}

// pool averages blocks of f×f pixels; what does not fill a block is left out.
func pool(p plane, f int) plane {
	if f <= 1 {
		return p
	}
	out := newPlane(p.width/f, p.height/f)
	for y := range out.height {
		for x := range out.width {
			sum := 0.0
			for dy := range f {
				for _, v := range p.v[(y*f+dy)*p.width+x*f:][:f] {
					sum += v
				}
			}
			out.v[y*out.width+x] = sum / float64(f*f)
		}
	}
	return out
}
