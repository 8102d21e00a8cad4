package metrics

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// DigitEnlargement is the factor by which 28×28 digits are enlarged for
// LPIPS: to 84×84, which leaves AlexNet's deepest features 4×4 positions. Two
// would leave them 2×2, and one is below the network's 31 pixels.
const DigitEnlargement = 3

// maxEnlargement bounds the memory of an enlarged picture.
const maxEnlargement = 16

// LPIPS is the learned perceptual distance of Zhang et al., "The
// Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR
// 2018), version 0.1: the mean over positions, summed over the layers of a
// network, of the weighted squared difference of channel-normalised features.
// 0 is equal; larger is farther; it is symmetric.
//
// The networks are AlexNet and SqueezeNet 1.1, which ship, most of their
// convolutions rounded to float16, and VGG16, which does not. With float32
// weights distances are within 1e-6 + 1e-5·value of the authors' code in
// float64; float16 weights move LPIPS-alex by less than 0.00003, and its
// published values are met to four digits.
type LPIPS struct {
	net     *lpipsNet
	enlarge int // nearest-neighbour, 1 for none
}

// LPIPSAlex returns LPIPS 0.1 with AlexNet, "lpips/alex/0.1", the authors'
// default. Images need at least 31 pixels on each side.
func LPIPSAlex() (*LPIPS, error) { return NewLPIPS("alex") }

// NewLPIPS returns LPIPS 0.1 with a network: "alex", at least 31 pixels a
// side; "squeeze", at least 17; or "vgg", at least 16, whose scores are
// errors that wrap [ErrNoWeights] until VGG16's weights are there. Its id is
// "lpips/NET/0.1".
func NewLPIPS(net string) (*LPIPS, error) {
	for _, n := range lpipsNets {
		if n.name == net {
			return &LPIPS{net: n, enlarge: 1}, nil
		}
	}
	return nil, fmt.Errorf("%w: LPIPS with network %q", ErrUnknown, net)
}

// Enlarged returns the metric of images enlarged n times, each pixel repeated
// n × n times: "lpips/alex/0.1/nearest×n", for pictures too small for the
// network; see [DigitEnlargement]. It is another metric than LPIPS and no
// published number is comparable with it. n is 1 (no enlargement) to 16.
func (m *LPIPS) Enlarged(n int) (*LPIPS, error) {
	if n < 1 || n > maxEnlargement {
		return nil, fmt.Errorf("LPIPS of images enlarged by %d: the factor must be 1 to %d: %w", n, maxEnlargement, ErrUnknown)
	}
	return &LPIPS{net: m.net, enlarge: n}, nil
}

func lpipsID(net string) string { return "lpips/" + net + "/0.1" }

func enlargedID(id string, n int) string { return fmt.Sprintf("%s/nearest×%d", id, n) }

// findLPIPS finds LPIPS with any network, also of enlarged images.
func findLPIPS(id string) (Metric, error) {
	for _, net := range lpipsNets {
		m := &LPIPS{net: net, enlarge: 1}
		base := lpipsID(net.name)
		if id == base {
			return m, nil
		}
		if factor, ok := strings.CutPrefix(strings.Replace(id, "nearestx", "nearest×", 1), base+"/nearest×"); ok {
			n, err := strconv.Atoi(factor)
			if err != nil || strconv.Itoa(n) != factor { // one spelling, one score
				return nil, nil
			}
			enlarged, err := m.Enlarged(n)
			if err != nil { // a nil *LPIPS is no nil Metric
				return nil, err
			}
			return enlarged, nil
		}
	}
	return nil, nil
}

// Info returns the metric's passport. Weights is empty while VGG16 is
// missing.
func (m *LPIPS) Info() Info {
	info := Info{
		ID: lpipsID(m.net.name), Name: m.net.title, Direction: LowerIsBetter, Reference: HR,
		MinSide: (m.net.minSide + m.enlarge - 1) / m.enlarge,
	}
	if loaded, err := m.net.loaded.get(); err == nil {
		info.Weights = loaded.sha256
	}
	if m.enlarge > 1 {
		info.ID = enlargedID(info.ID, m.enlarge)
		info.Name += fmt.Sprintf(" of ×%d", m.enlarge)
	}
	return info
}

// Score returns the distance of two images of the same size. Sides below
// Info().MinSide are an error that wraps [ErrTooSmall].
func (m *LPIPS) Score(image, hr *picture.Image) (float64, error) {
	if err := m.sameSize(image, hr); err != nil {
		return 0, err
	}
	score, err := m.Prepare(hr)
	if err != nil {
		return 0, err
	}
	return score(image)
}

// Prepare works out the features of hr and returns the distance to it.
func (m *LPIPS) Prepare(hr *picture.Image) (func(image *picture.Image) (float64, error), error) {
	layers, err := m.prepare(hr)
	if err != nil {
		return nil, err
	}
	return func(image *picture.Image) (float64, error) {
		terms, err := layerMeans(layers, image)
		total := 0.0
		for _, v := range terms {
			total += v
		}
		return total, err
	}, nil
}

// Layers returns what each layer of the network adds to the distance of two
// images of the same size, from the finest to the coarsest: five numbers with
// AlexNet and VGG16, seven with SqueezeNet, whose sum is the score.
func (m *LPIPS) Layers(image, hr *picture.Image) ([]float64, error) {
	if err := m.sameSize(image, hr); err != nil {
		return nil, err
	}
	layers, err := m.prepare(hr)
	if err != nil {
		return nil, err
	}
	return layerMeans(layers, image)
}

// layerMeans returns the mean distance of each layer that prepare goes
// through.
func layerMeans(layers func(image *picture.Image, each func(distances []float64, width, height int)) error, image *picture.Image) ([]float64, error) {
	var means []float64
	err := layers(image, func(distances []float64, _, _ int) {
		sum := 0.0
		for _, d := range distances {
			sum += d
		}
		means = append(means, sum/float64(len(distances)))
	})
	return means, err
}

// Map returns the distance at every position of image: each layer's
// distances, enlarged bilinearly (half-pixel centres) to the size of the
// picture the network sees, and added up; LPIPS(spatial=True) of the authors'
// code. Its mean is near the score and not equal to it.
func (m *LPIPS) Map(image, hr *picture.Image) (*Map, error) {
	if err := m.sameSize(image, hr); err != nil {
		return nil, err
	}
	toHR, err := m.PrepareMap(hr)
	if err != nil {
		return nil, err
	}
	return toHR(image)
}

// PrepareMap works out the features of hr and returns the [LPIPS.Map] to it.
func (m *LPIPS) PrepareMap(hr *picture.Image) (func(image *picture.Image) (*Map, error), error) {
	layers, err := m.prepare(hr)
	if err != nil {
		return nil, err
	}
	return func(image *picture.Image) (*Map, error) {
		out := NewMap(hr.Width*m.enlarge, hr.Height*m.enlarge)
		err := layers(image, func(distances []float64, width, height int) {
			addBilinear(out, distances, width, height, float64(width)/float64(out.Width), float64(height)/float64(out.Height))
		})
		if err != nil {
			return nil, err
		}
		return out, nil
	}, nil
}

// sameSize checks a pair before weights are read and features worked out.
func (m *LPIPS) sameSize(image, hr *picture.Image) error {
	if err := sameSize(image, hr); err != nil {
		return fmt.Errorf("%s: %w", m.Info().ID, err)
	}
	return nil
}

// prepare returns the function that calls each with the distances to hr at
// every position of each layer, row by row.
func (m *LPIPS) prepare(hr *picture.Image) (func(image *picture.Image, each func(distances []float64, width, height int)) error, error) {
	info := m.Info()
	if err := withinNetwork(hr, m.enlarge, info); err != nil {
		wrapped := fmt.Errorf("%s: %w", info.ID, err)
		if m.enlarge == 1 && errors.Is(err, ErrTooSmall) && Check(hr) == nil {
			advice := "choose " + psnrInfo.ID
			side := min(hr.Width, hr.Height)
			if n := max(DigitEnlargement, (info.MinSide+side-1)/side); n <= maxEnlargement {
				advice = "score small pictures enlarged: " + enlargedID(info.ID, n) + ", or " + advice
			}
			return nil, hint.With(wrapped, advice)
		}
		return nil, wrapped
	}
	loaded, err := m.net.loaded.get()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.ID, err)
	}
	ref, err := loaded.features(lpipsInput(hr, m.enlarge))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.ID, err)
	}
	return func(image *picture.Image, each func(distances []float64, width, height int)) error {
		if err := sameSize(image, hr); err != nil {
			return fmt.Errorf("%s: %w", info.ID, err)
		}
		maps, err := loaded.features(lpipsInput(image, m.enlarge))
		if err != nil {
			return fmt.Errorf("%s: %w", info.ID, err)
		}
		for i, f := range maps {
			each(distances(f, ref[i], loaded.lin[i]), f.width, f.height)
		}
		return nil
	}, nil
}

// lpipsInput is what the network sees of a picture: each pixel repeated
// enlarge × enlarge times, through the scaling layer.
func lpipsInput(img *picture.Image, enlarge int) featureMap {
	rgb := img.Bytes()
	x := newFeatureMap(img.Height*enlarge, img.Width*enlarge, 3)
	for y := range x.height {
		for col := range x.width {
			src := 3 * (y/enlarge*img.Width + col/enlarge)
			for c := range 3 {
				x.data[3*(y*x.width+col)+c] = float32(rgb[src+c]) / 255
			}
		}
	}
	return lpipsScaled(x)
}

// lpipsScaled is the scaling layer, in place: RGB in [0,1] becomes [-1,1],
// shifted and scaled by channel.
func lpipsScaled(x featureMap) featureMap {
	shift := [3]float32{-.030, -.088, -.188}
	scale := [3]float32{.458, .448, .450}
	for i, v := range x.data {
		x.data[i] = (v*2 - 1 - shift[i%3]) / scale[i%3]
	}
	return x
}

// distances is Σ_c lin[c]·(a_c/|a| - b_c/|b|)² at every position.
func distances(a, b featureMap, lin []float32) []float64 {
	out := make([]float64, a.height*a.width)
	for p := range out {
		va, vb := a.data[p*a.channels:][:a.channels], b.data[p*a.channels:][:a.channels]
		scaleA, scaleB := unit(va), unit(vb)
		sum := 0.0
		for c, w := range lin {
			d := float64(va[c])*scaleA - float64(vb[c])*scaleB
			sum += float64(w) * d * d
		}
		out[p] = sum
	}
	return out
}

// unit is what brings v to length 1.
func unit(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return 1 / (math.Sqrt(sum) + 1e-10)
}

// addBilinear adds values, width × height, to m, resized to its size as
// torch.nn.Upsample(mode="bilinear", align_corners=False) does. A pixel of m
// is stepX × stepY of the values.
func addBilinear(m *Map, values []float64, width, height int, stepX, stepY float64) {
	at := func(i, n int, step float64) (low, high int, weight float64) {
		x := max(0, (float64(i)+0.5)*step-0.5)
		low = min(int(x), n-1)
		return low, min(low+1, n-1), x - float64(low)
	}
	for y := range m.Height {
		y0, y1, wy := at(y, height, stepY)
		for x := range m.Width {
			x0, x1, wx := at(x, width, stepX)
			top := values[y0*width+x0]*(1-wx) + values[y0*width+x1]*wx
			bottom := values[y1*width+x0]*(1-wx) + values[y1*width+x1]*wx
			m.Values[y*m.Width+x] += top*(1-wy) + bottom*wy
		}
	}
}
