package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// comparedSide is the side of the paper's natural pictures.
const comparedSide = 128

// lpipsPairs and distsPairs score 100 samples against one reference: here
// with the reference's features computed once, in PyTorch, as the authors'
// code is used, anew for each pair, ten pairs a call.
func lpipsPairs(s *session, p *pytorch) ([]pair, error) {
	return metricPairs(s, p, "lpips", "lpips/alex/0.1", s.published("alex_float16"), s.published("alex_float32"))
}

func distsPairs(s *session, p *pytorch) ([]pair, error) {
	vgg16, err := s.vgg16()
	if err != nil {
		return nil, err
	}
	return metricPairs(s, p, "dists", "dists/noresize", vgg16, s.published("dists"))
}

func (s *session) published(name string) string {
	return filepath.Join(s.Root, "metrics", "published", name+".safetensors")
}

// vgg16 returns VGG16's weight file: the user's, or a generated one in its
// place. Speed does not depend on the values.
func (s *session) vgg16() (string, error) {
	if path, err := weightstore.Path("vgg16"); err == nil {
		return path, nil
	}
	dict, in, key := weights.Dict{}, 3, uint64(0)
	for stage, convs := range [][]int{{0, 2}, {5, 7}, {10, 12, 14}, {17, 19, 21}, {24, 26, 28}} {
		out := min(64<<stage, 512)
		for _, n := range convs {
			w, b := weights.NewTensor(out, in, 3, 3), weights.NewTensor(out)
			key += 2
			uniform(w.Data, key, 0.8/float64(in), 0)
			uniform(b.Data, key+1, 0.1, 0.1)
			name := fmt.Sprintf("features.%d", n)
			dict[name+".weight"], dict[name+".bias"], in = w, b, out
		}
	}
	dir := s.path("weights")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Setenv("TRUSTSR_WEIGHTS", dir); err != nil { // for metrics, in this process alone
		return "", err
	}
	if err := weightstore.Put("vgg16", dict, nil); err != nil {
		return "", err
	}
	return weightstore.Path("vgg16")
}

func metricPairs(s *session, p *pytorch, op, id string, files ...string) ([]pair, error) {
	if s.Root == "" {
		return nil, fmt.Errorf("%w: not in a checkout, where the weights are files", errSkip)
	}
	if first := backend.Name(backend.Choose().Config); s.backendName() != first {
		return nil, fmt.Errorf("%w: metrics run on %s", errSkip, first)
	}
	metric, err := metrics.Find(id)
	if err != nil {
		return nil, err
	}
	ref := smoothPicture(comparedSide, 0)
	images := make([]*picture.Image, pick(s, 100, 2))
	for i := range images {
		images[i] = smoothPicture(comparedSide, uint64(i+1))
	}
	req := pythonRequest{Op: op, Files: files}
	if req.X, err = p.array(planes(images...)); err != nil {
		return nil, err
	}
	if req.LR, err = p.array(planes(ref)); err != nil {
		return nil, err
	}
	call := func(ctx context.Context) (*ldm.Tensor, error) {
		scores, err := metrics.ScoreAll(ctx, metric, images, ref)
		out := &ldm.Tensor{Shape: []int{len(scores)}}
		for _, v := range scores {
			out.Data = append(out.Data, float32(v))
		}
		return out, err
	}
	return []pair{p.pair(fmt.Sprintf("metrics/%s/%d of %dx%d", id, len(images), comparedSide, comparedSide), call, req)}, nil
}

// planes is images as [n, 3, h, w] in [0,1].
func planes(images ...*picture.Image) *ldm.Tensor {
	w, h := images[0].Width, images[0].Height
	t := weights.NewTensor(len(images), 3, h, w)
	for n, img := range images {
		for i, v := range img.Bytes() {
			t.Data[(n*3+i%3)*w*h+i/3] = float32(v) / 255
		}
	}
	return t
}
