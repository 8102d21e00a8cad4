package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Multiply-adds of the published UNet for 64×64 latent pixels, counted in the
// original modules; they are linear in the pixels.
const unetMACs64 = 40.231e9

func (s *session) needsGPU() error {
	if s.Rehearse || strings.HasSuffix(s.backendName(), "cuda") {
		return nil
	}
	return fmt.Errorf("%w: no GPU", errSkip)
}

// measureGPU sweeps the batch and relates the UNet's arithmetic to what the
// device reaches in one large matrix product.
func measureGPU(ctx context.Context, s *session) error {
	if err := s.needsGPU(); err != nil {
		return err
	}
	return s.batches(ctx)
}

// measureGPUSamples draws whole samples: four of 64×64 side by side, and the
// paper's 324 digits as four runs of 9×9.
func measureGPUSamples(ctx context.Context, s *session) error {
	if err := s.needsGPU(); err != nil {
		return err
	}
	models, names, err := s.precisions()
	if err != nil {
		return err
	}
	for i, m := range models {
		if err := s.wholeSamples(ctx, m, names[i]); err != nil {
			return err
		}
	}
	return nil
}

// batches is measureGPU on whatever the backend computes with.
func (s *session) batches(ctx context.Context) error {
	ceilings, err := measureMatMul(ctx, s)
	if err != nil {
		return err
	}
	models, names, err := s.precisions()
	if err != nil {
		return err
	}
	for i, m := range models {
		if err := s.sweep(ctx, m, names[i], ceilings[i]); err != nil {
			return err
		}
	}
	if len(models) < 2 {
		return nil
	}
	return s.apart(models[0], models[1])
}

// precisions are the ×4 model in float32 and, where the backend has it, in
// bfloat16.
func (s *session) precisions() ([]*ldm.Model, []string, error) {
	single, err := s.fullModel(s.config)
	if err != nil {
		return nil, nil, err
	}
	if s.Quick { // bfloat16 without matrix units takes minutes
		return []*ldm.Model{single}, []string{"float32"}, nil
	}
	half, err := single.BFloat16()
	if err != nil {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("gpu %s: %v", s.backendName(), err))
		return []*ldm.Model{single}, []string{"float32"}, nil
	}
	return []*ldm.Model{single, half}, []string{"float32", srspace.BFloat16}, nil
}

// apart notes how far a UNet call in bfloat16 is from one in float32.
func (s *session) apart(single, half *ldm.Model) error {
	x, lr := generatedTensor(1, 1, 3, 64, 64), generatedTensor(2, 1, 3, 64, 64)
	want, err := single.Denoise(x, lr, []float32{500})
	if err != nil {
		return err
	}
	got, err := half.Denoise(x, lr, []float32{500})
	if err != nil {
		return err
	}
	s.report.Notes = append(s.report.Notes, fmt.Sprintf("gpu/unet/64x64: bfloat16 is %.1f dB below float32", signalToError(want.Data, got.Data)))
	return nil
}

// signalToError is ten times the logarithm of the mean square of want by that
// of the difference, in dB.
func signalToError(want, got []float32) float64 {
	signal, apart := 0.0, 0.0
	for i, v := range want {
		signal += float64(v) * float64(v)
		apart += float64(v-got[i]) * float64(v-got[i])
	}
	return 10 * math.Log10(signal/apart)
}

// sweep times UNet calls of growing batches, and says how much of the measured
// matrix product of the same precision they reach.
func (s *session) sweep(ctx context.Context, m *ldm.Model, precision string, ceiling float64) error {
	side := pick(s, 64, 16)
	for _, batch := range pick(s, []int{1, 2, 4, 8, 16}, []int{1, 2}) {
		x, lr := generatedTensor(1, batch, 3, side, side), generatedTensor(2, batch, 3, side, side)
		t := make([]float32, batch)
		call := func() error {
			_, err := m.Denoise(x, lr, t)
			return err
		}
		id := fmt.Sprintf("gpu/unet/%dx%d/batch %d/%s", side, side, batch, precision)
		if err := s.compiles(id, call); err != nil {
			return err
		}
		flops := 2 * unetMACs64 * float64(batch*side*side) / (64 * 64)
		if err := s.time(ctx, id, "TFLOP/s", func(seconds float64) float64 { return flops / seconds / 1e12 }, call); err != nil {
			return err
		}
		reached := s.report.Rows[len(s.report.Rows)-1]
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("%s: %.0f %% of the measured %s matrix product%s", id, 100*reached.Median/ceiling, precision, deviceMemory()))
	}
	return nil
}

// wholeSamples draws samples: noise, steps, codes, decoder, 8 bits.
func (s *session) wholeSamples(ctx context.Context, m *ldm.Model, precision string) error {
	side, batch, steps := pick(s, 64, 16), pick(s, 4, 2), pick(s, 100, 2)
	hr, _, err := digits.TestDigit(ambiguousDigit)
	if err != nil {
		return err
	}
	digit, err := digits.LR(hr)
	if err != nil {
		return err
	}
	tile := pick(s, 9, 2)
	for _, c := range []struct {
		id   string
		lr   *picture.Image
		tile int
		n    int
	}{
		{fmt.Sprintf("gpu/sample/%d of %dx%d/ddim-%d/%s", batch, side, side, steps, precision), smoothPicture(side, 1), 0, batch},
		{fmt.Sprintf("gpu/digits/%d of %dx%d tiled/ddim-%d/%s", batch*tile*tile, tile, tile, steps, precision), digit, tile, batch * tile * tile},
	} {
		sampler := &ldm.Sampler{Model: m, Steps: steps, Eta: 1, Batch: batch, Tile: c.tile, Description: srspace.Recipe{Fit: ldm.FitPeriodic}}
		draw := func() error { return drawAll(ctx, sampler, c.lr, c.n) }
		if err := s.compiles(c.id, draw); err != nil {
			return err
		}
		if err := s.time(ctx, c.id, "samples/s", rate(c.n), draw); err != nil {
			return err
		}
	}
	return nil
}

// compiles records the first call, which builds and compiles the graphs.
func (s *session) compiles(id string, call func() error) error {
	began := time.Now()
	if err := call(); err != nil {
		return err
	}
	s.add(Row{ID: id + "/first call, compiles", Unit: "s"}, []float64{time.Since(began).Seconds()})
	return nil
}

// deviceMemory says how much of a GPU's memory is taken, or nothing.
func deviceMemory() string {
	out, err := exec.Command("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	mib, err := strconv.Atoi(strings.TrimSpace(first))
	if errors.Is(err, strconv.ErrSyntax) {
		return ""
	}
	return fmt.Sprintf("; %d MiB of device memory in use", mib)
}
