package metrics

import (
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace"
)

//go:generate go run ./internal/lpipsweights -dir ../../shared/data/lpips -o lpips_alex

// Torchvision's AlexNet and the linear layers of LPIPS 0.1;
// lpips_alex/README.md has source and licences.
var (
	//go:embed lpips_alex/float16.safetensors
	lpipsAlexFloat16 []byte
	//go:embed lpips_alex/float32.safetensors
	lpipsAlexFloat32 []byte
)

const lpipsAlexID = "lpips/alex/0.1"

// DigitEnlargement is the factor by which 28×28 digits are enlarged for
// LPIPS: to 84×84, which leaves the deepest features 4×4 positions. Two
// would leave them 2×2, and one is below the network's 31 pixels.
const DigitEnlargement = 3

// maxEnlargement bounds the memory of an enlarged picture.
const maxEnlargement = 16

// LPIPS is the learned perceptual distance of Zhang et al., "The
// Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR
// 2018), version 0.1 with AlexNet: the mean over positions, summed over five
// layers, of the weighted squared difference of channel-normalised features.
// 0 is equal; larger is farther; it is symmetric.
//
// Four of the five convolutions have weights rounded to float16. The distance
// is within 0.00003 of the authors' code and equals its published values to
// four digits. It runs
// on the host without a graph compiler, and its scores do not depend on the
// number of cores.
type LPIPS struct {
	net     *alexNet
	lin     [5][]float32
	enlarge int // nearest-neighbour, 1 for none
	sha256  string
}

// lpipsAlex decodes the embedded weights at the first use.
var lpipsAlex = sync.OnceValues(func() (*LPIPS, error) {
	all := weights.Dict{}
	for _, file := range [][]byte{lpipsAlexFloat16, lpipsAlexFloat32} {
		dict, _, err := weights.DecodeSafetensors(file)
		if err != nil {
			return nil, fmt.Errorf("embedded LPIPS weights: %w", err)
		}
		maps.Copy(all, dict)
	}
	return newLPIPS(all, weights.SHA256(slices.Concat(lpipsAlexFloat16, lpipsAlexFloat32)))
})

// LPIPSAlex returns LPIPS 0.1 with AlexNet, "lpips/alex/0.1". Images need at
// least 31 pixels on each side.
func LPIPSAlex() (*LPIPS, error) { return lpipsAlex() }

// LPIPSAlexEnlarged returns LPIPS 0.1 with AlexNet of images enlarged n
// times, each pixel repeated n × n times: "lpips/alex/0.1/nearest×n", for
// pictures too small for the network; see [DigitEnlargement]. It is another
// metric than LPIPS and no published number is comparable with it. n is 1
// (no enlargement) to 16.
func LPIPSAlexEnlarged(n int) (*LPIPS, error) {
	if n < 1 || n > maxEnlargement {
		return nil, fmt.Errorf("LPIPS of images enlarged by %d: the factor must be 1 to %d: %w", n, maxEnlargement, ErrUnknown)
	}
	m, err := lpipsAlex()
	if err != nil {
		return nil, err
	}
	enlarged := *m
	enlarged.enlarge = n
	return &enlarged, nil
}

// newLPIPS takes AlexNet by torchvision's names and the linear layers as
// lin0.model.1.weight to lin4.model.1.weight.
func newLPIPS(dict weights.Dict, sha256 string) (*LPIPS, error) {
	net, err := newAlexNet(dict)
	if err != nil {
		return nil, fmt.Errorf("LPIPS weights: %w", err)
	}
	m := &LPIPS{net: net, enlarge: 1, sha256: sha256}
	for i, l := range alexNetLayers {
		if m.lin[i], err = tensor(dict, fmt.Sprintf("lin%d.model.1.weight", i), 1, l.out, 1, 1); err != nil {
			return nil, fmt.Errorf("LPIPS weights: %w", err)
		}
	}
	return m, nil
}

func enlargedID(n int) string { return fmt.Sprintf("%s/nearest×%d", lpipsAlexID, n) }

// Info returns the metric's passport.
func (m *LPIPS) Info() Info {
	info := Info{
		ID: lpipsAlexID, Name: "LPIPS", Direction: LowerIsBetter, Reference: HR,
		MinSide: (alexNetMinSide + m.enlarge - 1) / m.enlarge, Weights: m.sha256,
	}
	if m.enlarge > 1 {
		info.ID = enlargedID(m.enlarge)
		info.Name = fmt.Sprintf("LPIPS of ×%d", m.enlarge)
	}
	return info
}

// Score returns the distance of two images of the same size. Sides below
// Info().MinSide are an error that wraps [ErrTooSmall].
func (m *LPIPS) Score(image, hr *srspace.Image) (float64, error) {
	score, err := m.Prepare(hr)
	if err != nil {
		return 0, err
	}
	return score(image)
}

// Prepare works out the features of hr and returns the distance to it.
func (m *LPIPS) Prepare(hr *srspace.Image) (func(image *srspace.Image) (float64, error), error) {
	info := m.Info()
	if hr.Width < info.MinSide || hr.Height < info.MinSide {
		err := fmt.Errorf("%s: %d×%d is below %d pixels a side: %w", info.ID, hr.Width, hr.Height, info.MinSide, ErrTooSmall)
		return nil, srspace.WithHint(err, "score small pictures enlarged: "+enlargedID(DigitEnlargement)+", or choose "+psnrInfo.ID)
	}
	ref := m.features(hr)
	return func(image *srspace.Image) (float64, error) {
		if err := sameSize(image, hr); err != nil {
			return 0, fmt.Errorf("%s: %w", info.ID, err)
		}
		total := 0.0
		for i, f := range m.features(image) {
			total += distance(f, ref[i], m.lin[i])
		}
		return total, nil
	}, nil
}

// features returns the feature maps of an image, each position's channels
// scaled to unit length.
func (m *LPIPS) features(img *srspace.Image) [5]featureMap {
	layers := m.net.features(lpipsInput(img, m.enlarge))
	for _, f := range layers {
		for p := 0; p < len(f.data); p += f.channels {
			v := f.data[p : p+f.channels]
			sum := 0.0
			for _, x := range v {
				sum += float64(x) * float64(x)
			}
			scale := 1 / (math.Sqrt(sum) + 1e-10)
			for c, x := range v {
				v[c] = float32(float64(x) * scale)
			}
		}
	}
	return layers
}

// lpipsInput is the scaling layer: RGB in [-1,1], shifted and scaled by
// channel. Each pixel is repeated enlarge × enlarge times.
func lpipsInput(img *srspace.Image, enlarge int) featureMap {
	shift := [3]float32{-.030, -.088, -.188}
	scale := [3]float32{.458, .448, .450}
	rgb := img.Bytes()
	x := newFeatureMap(img.Height*enlarge, img.Width*enlarge, 3)
	for y := range x.height {
		for col := range x.width {
			src := 3 * (y/enlarge*img.Width + col/enlarge)
			for c := range 3 {
				v := float32(rgb[src+c])/255*2 - 1
				x.data[3*(y*x.width+col)+c] = (v - shift[c]) / scale[c]
			}
		}
	}
	return x
}

// distance is the mean over positions of Σ_c lin[c]·(a_c-b_c)².
func distance(a, b featureMap, lin []float32) float64 {
	total := 0.0
	for p := 0; p < len(a.data); p += a.channels {
		va, vb := a.data[p:p+a.channels], b.data[p:p+a.channels]
		sum := 0.0
		for c, w := range lin {
			d := float64(va[c]) - float64(vb[c])
			sum += float64(float64(w) * d * d) // no fused multiply-add: equal bits everywhere
		}
		total += sum
	}
	return total / float64(a.height*a.width)
}
