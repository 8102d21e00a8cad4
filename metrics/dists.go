package metrics

import (
	"fmt"

	"github.com/trustsr/trustsr/srspace/picture"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/trustsr/trustsr/internal/nn"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/imresize"
)

// Resize says what DISTS does to large pictures first.
type Resize string

const (
	NoResize  Resize = "noresize"  // nothing: DISTS as a module, pyiqa, torchmetrics
	Pillow256 Resize = "pillow256" // the authors' command: Pillow's bilinear, 8 bits, to 256 on the shorter side if that is longer
	Torch256  Resize = "torch256"  // piq: torch's bilinear without antialiasing, to the same size
)

// resizeSide is the shorter side after resizing.
const resizeSide = 256

// DISTSMetric is Deep Image Structure and Texture Similarity of Ding et al.,
// "Image Quality Assessment: Unifying Structure and Texture Similarity"
// (arXiv:2004.07728): one minus the weighted sum, over the channels of the
// picture itself and of five layers of VGG16 with L2 pooling, of the
// similarities of means and of (co)variances. 0 is equal, larger is farther;
// it is symmetric. Rounding may leave some 1e-7 where 0 is due. Any size has
// a score.
//
// The authors' α and β ship; VGG16, whose weights in memory it shares with
// LPIPS-VGG but no features, does not: scores are errors that wrap
// [ErrNoWeights] until its weights are there. Scores are within 2e-6 of the
// authors' code in float64.
type DISTSMetric struct{ Resize Resize } // "" is NoResize

func distsID(r Resize) string { return "dists/" + string(r) }

func (m DISTSMetric) resize() Resize {
	if m.Resize == "" {
		return NoResize
	}
	return m.Resize
}

func findDISTS(id string) (Metric, error) {
	for _, r := range []Resize{NoResize, Pillow256, Torch256} {
		if id == distsID(r) {
			return DISTSMetric{r}, nil
		}
	}
	return nil, nil
}

// distsChannels are the channels of the picture and of VGG16's stages.
var distsChannels = []int{3, 64, 128, 256, 512, 512}

// loadedDISTS is VGG16 with the weights of structure and texture, one a
// channel, that add up to 1.
type loadedDISTS struct {
	*extractor
	alpha, beta []float64
	sha256      string
}

var dists = &onDemand[*loadedDISTS]{load: func() (*loadedDISTS, error) {
	net, err := vgg16.get()
	if err != nil {
		return nil, err
	}
	return newDISTS(net)
}}

func newDISTS(net *network) (*loadedDISTS, error) {
	dict, sha256, err := publishedDict("dists")
	if err != nil {
		return nil, err
	}
	pool := func(o *nn.Ops, x *Node) *Node { return o.HannPool(x) }
	l := &loadedDISTS{extractor: net.extractor(vgg16Taps(pool)), sha256: weights.SHA256([]byte(net.sha256 + sha256))}
	channels := 0
	for _, n := range distsChannels {
		channels += n
	}
	total := 0.0
	for name, dst := range map[string]*[]float64{"alpha": &l.alpha, "beta": &l.beta} {
		values, err := tensor(dict, name, 1, channels, 1, 1)
		if err != nil {
			return nil, fmt.Errorf("DISTS weights: %w", err)
		}
		for _, v := range values {
			*dst = append(*dst, float64(v))
			total += float64(v)
		}
	}
	for i := range l.alpha {
		l.alpha[i] /= total
		l.beta[i] /= total
	}
	return l, nil
}

// Info returns the metric's passport. Weights is empty while VGG16 is
// missing.
func (m DISTSMetric) Info() Info {
	info := Info{ID: distsID(m.resize()), Name: "DISTS", Direction: LowerIsBetter, Reference: HR, MinSide: 1}
	if loaded, err := dists.get(); err == nil {
		info.Weights = loaded.sha256
	}
	return info
}

// Score returns the distance of two images of the same size.
func (m DISTSMetric) Score(image, hr *picture.Image) (float64, error) {
	if err := sameSize(image, hr); err != nil {
		return 0, fmt.Errorf("%s: %w", m.Info().ID, err)
	}
	score, err := m.Prepare(hr)
	if err != nil {
		return 0, err
	}
	return score(image)
}

// Prepare works out the features of hr and returns the distance to it.
func (m DISTSMetric) Prepare(hr *picture.Image) (func(image *picture.Image) (float64, error), error) {
	info := m.Info()
	if err := withinNetwork(hr, 1, info); err != nil {
		return nil, fmt.Errorf("%s: %w", info.ID, err)
	}
	loaded, err := dists.get()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.ID, err)
	}
	score, err := loaded.prepare(hr, m.resize())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.ID, err)
	}
	return func(image *picture.Image) (float64, error) {
		if err := sameSize(image, hr); err != nil {
			return 0, fmt.Errorf("%s: %w", info.ID, err)
		}
		d, err := score(image)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", info.ID, err)
		}
		return d, nil
	}, nil
}

func (l *loadedDISTS) prepare(hr *picture.Image, resize Resize) (func(image *picture.Image) (float64, error), error) {
	ref, err := l.stages(hr, resize)
	if err != nil {
		return nil, err
	}
	distance := l.distanceTo(ref)
	return func(image *picture.Image) (float64, error) {
		stages, err := l.stages(image, resize)
		if err != nil {
			return 0, err
		}
		return distance(stages), nil
	}, nil
}

// distanceTo returns the distance of stages to those of a reference.
func (l *loadedDISTS) distanceTo(ref []featureMap) func(stages []featureMap) float64 {
	refMoments := make([]moments, len(ref))
	for i, f := range ref {
		refMoments[i] = momentsOf(f)
	}
	return func(stages []featureMap) float64 {
		similarity, channel := 0.0, 0
		for i, f := range stages {
			structure, texture := similarities(f, ref[i], momentsOf(f), refMoments[i])
			for c := range structure {
				similarity += l.alpha[channel]*structure[c] + l.beta[channel]*texture[c]
				channel++
			}
		}
		return 1 - similarity
	}
}

// stages returns the stages of a picture, resized as asked for.
func (l *loadedDISTS) stages(image *picture.Image, resize Resize) ([]featureMap, error) {
	x, err := distsInput(image, resize)
	if err != nil {
		return nil, err
	}
	return l.stagesOf(x)
}

// stagesOf returns RGB in [0,1] and its five feature maps.
func (l *loadedDISTS) stagesOf(x featureMap) ([]featureMap, error) {
	normal := newFeatureMap(x.height, x.width, 3)
	mean, deviation := [3]float32{.485, .456, .406}, [3]float32{.229, .224, .225}
	for i, v := range x.data {
		normal.data[i] = (v - mean[i%3]) / deviation[i%3]
	}
	maps, err := l.features(normal)
	if err != nil {
		return nil, err
	}
	return append([]featureMap{x}, maps...), nil
}

// distsInput is the picture in [0,1], resized as asked for.
func distsInput(image *picture.Image, resize Resize) (featureMap, error) {
	w, h, rgb := image.Width, image.Height, image.Bytes()
	short, long := min(w, h), max(w, h)
	toW, toH := w, h
	if resize != NoResize && short > resizeSide {
		other := int(float64(resizeSide) * float64(long) / float64(short))
		toW, toH = resizeSide, other
		if w > h {
			toW, toH = other, resizeSide
		}
	}
	if resize == Pillow256 && (toW != w || toH != h) {
		var err error
		if rgb, err = imresize.Pillow(rgb, w, h, 3, toW, toH, imresize.PillowBilinear); err != nil {
			return featureMap{}, err
		}
		w, h = toW, toH
	}
	x := newFeatureMap(h, w, 3)
	for i, v := range rgb {
		x.data[i] = float32(v) / 255
	}
	if toW == w && toH == h {
		return x, nil
	}
	out := newFeatureMap(toH, toW, 3)
	step := float64(short) / resizeSide // not the ratio of the rounded sizes
	for c := range 3 {
		plane, small := make([]float64, w*h), NewMap(toW, toH)
		for i := range plane {
			plane[i] = float64(x.data[3*i+c])
		}
		addBilinear(small, plane, w, h, step, step)
		for i, v := range small.Values {
			out.data[3*i+c] = float32(v)
		}
	}
	return out, nil
}

// moments are the mean and the population variance of each channel.
type moments struct{ mean, variance []float64 }

func momentsOf(f featureMap) moments {
	m := moments{make([]float64, f.channels), make([]float64, f.channels)}
	n := float64(f.height * f.width)
	for p := 0; p < len(f.data); p += f.channels {
		for c, v := range f.data[p : p+f.channels] {
			m.mean[c] += float64(v)
			m.variance[c] += float64(v) * float64(v)
		}
	}
	for c := range m.mean {
		m.mean[c] /= n
		m.variance[c] = m.variance[c]/n - m.mean[c]*m.mean[c]
	}
	return m
}

// similarities are S1, of structure, and S2, of texture (equations 5 and 6 of
// the paper), by channel.
func similarities(a, b featureMap, ma, mb moments) (structure, texture []float64) {
	const c = 1e-6 // c1 and c2 of the authors' code
	cross := make([]float64, a.channels)
	for p := 0; p < len(a.data); p += a.channels {
		vb := b.data[p : p+a.channels]
		for c, v := range a.data[p : p+a.channels] {
			cross[c] += float64(v) * float64(vb[c])
		}
	}
	n := float64(a.height * a.width)
	structure, texture = make([]float64, a.channels), make([]float64, a.channels)
	for i := range cross {
		x, y := ma.mean[i], mb.mean[i]
		structure[i] = (2*x*y + c) / (x*x + y*y + c)
		texture[i] = (2*(cross[i]/n-x*y) + c) / (ma.variance[i] + mb.variance[i] + c)
	}
	return structure, texture
}
