package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// tolerance is how far results may be apart, in parts of the largest value,
// for their times to be compared: float32 sums taken in another order.
const tolerance = 1e-3

// pair is the same work here and in PyTorch.
type pair struct {
	id    string
	ours  func(ctx context.Context) error
	yours pythonRequest
	check func(ctx context.Context, yours pythonRequest) error // nil: what it consists of was checked
}

// comparison is a group of [Groups] that PyTorch can do as well.
type comparison struct {
	name  string
	pairs func(s *session, p *pytorch) ([]pair, error)
}

// versus lists the comparisons of the groups that are asked for.
func (s *session) versus() []comparison {
	all := []comparison{
		{"digits", digitPairs}, {"natural", naturalPairs}, {"unet", unetPairs}, {"decode", decodePairs}, {"sample", samplePairs},
		{"lpips", lpipsPairs}, {"dists", distsPairs},
	}
	return slices.DeleteFunc(all, func(c comparison) bool { return len(s.Only) > 0 && !slices.Contains(s.Only, c.name) })
}

// versusPyTorch measures both in turns: ours, PyTorch's, ours, … so that
// whatever else the machine does meets both.
func versusPyTorch(ctx context.Context, s *session) error {
	p, err := startPyTorch(ctx, s)
	if errors.Is(err, errSkip) {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("beside PyTorch: %v", err))
		return nil
	}
	if err != nil {
		return err
	}
	defer p.close()
	variants := []bool{false}
	if p.Compile {
		variants = append(variants, true)
	} else {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("torch %s has no torch.compile that works here", p.Torch))
	}
	for _, config := range s.Backends {
		s.config = config
		for _, build := range s.versus() {
			s.done++
			pairs, err := build.pairs(s, p)
			if errors.Is(err, errSkip) {
				s.report.Notes = append(s.report.Notes, fmt.Sprintf("%s beside PyTorch: %v", build.name, err))
				continue
			}
			if err != nil {
				return err
			}
			for _, pair := range pairs {
				s.say(pair.id + " " + s.backendName() + " beside PyTorch")
				if err := s.race(ctx, p, pair, variants); err != nil {
					return fmt.Errorf("%s: %w", pair.id, err)
				}
			}
		}
	}
	return nil
}

// race checks that a pair computes the same and times it in turns.
func (s *session) race(ctx context.Context, p *pytorch, pair pair, variants []bool) error {
	requests, names := make([]pythonRequest, len(variants)), make([]string, len(variants))
	for i, compiled := range variants {
		requests[i], names[i] = pair.yours, "torch "+p.Torch
		requests[i].Compiled = compiled
		if compiled {
			names[i] += " compiled"
		}
		if pair.check != nil {
			if err := pair.check(ctx, requests[i]); err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
		}
		if _, err := p.seconds(requests[i]); err != nil { // warms up
			return err
		}
	}
	began := time.Now()
	if err := pair.ours(ctx); err != nil {
		return err
	}
	n := s.repeat(time.Since(began).Seconds())
	ours, theirs, ratios := make([]float64, 0, n), make([][]float64, len(variants)), make([][]float64, len(variants))
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		if err := pair.ours(ctx); err != nil {
			return err
		}
		our := time.Since(began).Seconds()
		ours = append(ours, our)
		for i, req := range requests {
			their, err := p.seconds(req)
			if err != nil {
				return err
			}
			theirs[i], ratios[i] = append(theirs[i], their), append(ratios[i], their/our)
		}
	}
	s.add(Row{ID: pair.id + " beside PyTorch", Unit: "s"}, ours)
	for i := range variants {
		s.add(Row{ID: pair.id + " beside PyTorch", Backend: names[i], Unit: "s"}, theirs[i])
		s.add(Row{ID: pair.id + " as fast as PyTorch", Backend: s.backendName() + " / " + names[i], Unit: "×"}, ratios[i])
	}
	return nil
}

// same reports values that differ by more than the tolerance.
func same(what string, ours, theirs *ldm.Tensor) error {
	if !slices.Equal(ours.Shape, theirs.Shape) {
		return fmt.Errorf("%s: shape %v here, %v in PyTorch", what, ours.Shape, theirs.Shape)
	}
	var largest, difference float64
	for i, v := range theirs.Data {
		largest = max(largest, math.Abs(float64(v)))
		d := math.Abs(float64(v - ours.Data[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		difference = max(difference, d)
	}
	if difference > tolerance*max(1, largest) {
		return fmt.Errorf("%s: differs from PyTorch by up to %.2g where the largest value is %.2g", what, difference, largest)
	}
	return nil
}

func unetPairs(s *session, p *pytorch) ([]pair, error) {
	m, err := s.fullModel(s.config)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, side := range s.sizes() {
		for _, batch := range []int{1, 2} {
			x, lr := generatedTensor(1, batch, 3, side, side), generatedTensor(2, batch, 3, side, side)
			call := func(context.Context) (*ldm.Tensor, error) {
				return s.perWorker(x, func(part *ldm.Tensor, at int) (*ldm.Tensor, error) {
					return m.Denoise(part, slice(lr, at, part.Shape[0]), slices.Repeat([]float32{500}, part.Shape[0]))
				})
			}
			req := pythonRequest{Op: "denoise", Model: s.full, T: 500}
			if req.X, err = p.array(x); err != nil {
				return nil, err
			}
			if req.LR, err = p.array(lr); err != nil {
				return nil, err
			}
			pairs = append(pairs, p.pair(fmt.Sprintf("unet/%dx%d/batch %d", side, side, batch), call, req))
		}
	}
	return pairs, nil
}

func decodePairs(s *session, p *pytorch) ([]pair, error) {
	m, err := s.fullModel(s.config)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, side := range s.sizes() {
		// Codes themselves: a latent half-way between two may fall either way.
		_, z, err := m.Quantize(generatedTensor(1, 1, 3, side, side))
		if err != nil {
			return nil, err
		}
		req := pythonRequest{Op: "decode", Model: s.full}
		if req.X, err = p.array(z); err != nil {
			return nil, err
		}
		call := func(context.Context) (*ldm.Tensor, error) { return m.Decode(z, nil, true) }
		pairs = append(pairs, p.pair(fmt.Sprintf("decode/%dx%d to %dx%d", side, side, 4*side, 4*side), call, req))
	}
	return pairs, nil
}

// pair is work whose result is compared whole.
func (p *pytorch) pair(id string, call func(context.Context) (*ldm.Tensor, error), req pythonRequest) pair {
	return pair{
		id:    id,
		ours:  func(ctx context.Context) error { _, err := call(ctx); return err },
		yours: req,
		check: func(ctx context.Context, req pythonRequest) error {
			ours, err := call(ctx)
			if err != nil {
				return err
			}
			theirs, err := p.result(req)
			if err != nil {
				return err
			}
			return same(id, ours, theirs)
		},
	}
}

// samplePairs is whole samples of the full architecture.
func samplePairs(s *session, p *pytorch) ([]pair, error) {
	m, err := s.fullModel(s.config)
	if err != nil {
		return nil, err
	}
	side, steps := pick(s, 64, 16), pick(s, 10, 2)
	one, err := s.samples(p, &ldm.Sampler{Model: m, Steps: steps, Eta: 1}, s.full, smoothPicture(side, 1), 1, 1)
	one.id = fmt.Sprintf("sample/%dx%d/ddim-%d", side, side, steps)
	return []pair{one}, err
}

// digitPairs is samples of the digit model.
func digitPairs(s *session, p *pytorch) ([]pair, error) {
	if s.Root == "" {
		return nil, fmt.Errorf("%w: not in a checkout, where the weights are a file", errSkip)
	}
	m, lr, err := s.digitModel()
	if err != nil {
		return nil, err
	}
	m.Steps = pick(s, 50, 2)
	rounds := pick(s, 2, 1)
	one, err := s.samples(p, m.Sampler, filepath.Join(s.Root, "srspace", "digits", "data", "model.safetensors"), lr, 81, rounds)
	one.id = fmt.Sprintf("digits/%d samples/ddim-%d", 81*rounds, m.Steps)
	return []pair{one}, err
}

// naturalPairs is samples of the natural-image model.
func naturalPairs(s *session, p *pytorch) ([]pair, error) {
	if s.Root == "" {
		return nil, fmt.Errorf("%w: not in a checkout, where the weights are a file", errSkip)
	}
	m, lr, err := s.naturalModel()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.Root, "srspace", "natural", "data", "model.safetensors")
	batch := pick(s, 4, 2)
	one, err := s.samples(p, m.Sampler, file, lr, batch, naturalSamples/batch)
	one.id = fmt.Sprintf("natural/%d samples of %dx%d/ddim-%d", naturalSamples, 4*lr.Width, 4*lr.Height, m.Steps)
	return []pair{one}, err
}

// samples is rounds of batch samples of one LR picture: ours by the sampler,
// in the calls it makes, PyTorch's in calls of the whole batch. What is
// compared is the latent of given noise after a few steps; the decoder is
// compared by decode, and here a code may fall either way.
func (s *session) samples(p *pytorch, sampler *ldm.Sampler, weightFile string, lr *picture.Image, batch, rounds int) (pair, error) {
	m := sampler.Model
	steps, err := m.Config.Schedule.ExactDDIMSteps(sampler.Steps, sampler.Eta)
	if err != nil {
		return pair{}, err
	}
	lrs := condition(m, lr, batch)
	latent := []int{batch, m.Config.UNet.OutChannels, lr.Height, lr.Width}
	req := pythonRequest{Op: "sample", Model: weightFile, Steps: stepList(steps), Latent: latent, Rounds: rounds}
	if req.LR, err = p.array(lrs); err != nil {
		return pair{}, err
	}
	return pair{
		ours:  func(ctx context.Context) error { return drawAll(ctx, sampler, lr, batch*rounds) },
		yours: req,
		check: func(ctx context.Context, req pythonRequest) error { return s.sameLatent(ctx, p, m, req, lrs, latent) },
	}, nil
}

// condition is batch copies of the LR picture as the UNet takes it: in
// [-1,1], its planes or, for a one-channel model, their mean.
func condition(m *ldm.Model, lr *picture.Image, batch int) *ldm.Tensor {
	channels, n := m.Config.UNet.InChannels-m.Config.UNet.OutChannels, lr.Width*lr.Height
	one := make([]float32, channels*n)
	for i, v := range lr.Pix {
		k, p := i%3, i/3
		if channels == 1 {
			one[p] += (2*v - 1) / 3
		} else {
			one[k*n+p] = 2*v - 1
		}
	}
	return &ldm.Tensor{Shape: []int{batch, channels, lr.Height, lr.Width}, Data: slices.Repeat(one, batch)}
}

// checkedSteps are compared: differences grow with the steps, most where a
// random network amplifies them.
const checkedSteps = 4

func (s *session) sameLatent(ctx context.Context, p *pytorch, m *ldm.Model, req pythonRequest, lrs *ldm.Tensor, latent []int) error {
	steps, err := m.Config.Schedule.ExactDDIMSteps(checkedSteps, 1)
	if err != nil {
		return err
	}
	x := generatedTensor(3, latent...)
	noise := generatedTensor(4, append([]int{checkedSteps}, latent...)...)
	req.Op, req.Steps = "latent", stepList(steps)
	if req.X, err = p.array(x); err != nil {
		return err
	}
	if req.Noise, err = p.array(noise); err != nil {
		return err
	}
	n := len(x.Data)
	err = ldm.DDIM(ctx, m.Denoiser(lrs), x.Data, steps, func(dst []float32, step int) { copy(dst, noise.Data[(step-1)*n:step*n]) }, nil)
	if err != nil {
		return err
	}
	theirs, err := p.result(req)
	if err != nil {
		return err
	}
	return same("latent", x, theirs)
}

func stepList(steps []ldm.Step) [][]any {
	list := make([][]any, len(steps))
	for i, s := range steps {
		list[i] = []any{s.Timestep, s.Alpha, s.AlphaPrev, s.Sigma}
	}
	return list
}

// perWorker shares a batch out over calls side by side on the Go backend,
// whose elementwise work keeps one core busy a call, as the samplers do;
// elsewhere it is one call.
func (s *session) perWorker(x *ldm.Tensor, call func(part *ldm.Tensor, at int) (*ldm.Tensor, error)) (*ldm.Tensor, error) {
	batch := x.Shape[0]
	if !strings.HasPrefix(s.backendName(), "go") || batch == 1 {
		return call(x, 0)
	}
	parts, errs := make([]*ldm.Tensor, batch), make(chan error, batch)
	for i := range batch {
		go func() {
			var err error
			parts[i], err = call(slice(x, i, 1), i)
			errs <- err
		}()
	}
	var failed error
	for range batch {
		failed = errors.Join(failed, <-errs)
	}
	if failed != nil {
		return nil, failed
	}
	out := &ldm.Tensor{Shape: append([]int{batch}, parts[0].Shape[1:]...)}
	for _, part := range parts {
		out.Data = append(out.Data, part.Data...)
	}
	return out, nil
}

// slice is n entries of the first axis.
func slice(t *ldm.Tensor, at, n int) *ldm.Tensor {
	each := len(t.Data) / t.Shape[0]
	return &ldm.Tensor{Shape: append([]int{n}, t.Shape[1:]...), Data: t.Data[at*each : (at+n)*each]}
}
