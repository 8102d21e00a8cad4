package ldm_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// TestSamplersEqualDiffusers runs every method with a golden trajectory of
// diffusers' schedulers on the tiny network.
func TestSamplersEqualDiffusers(t *testing.T) {
	golden := archive(t, "samplers_diffusers.npz")
	c := tiny.Schedule
	levels := func(count int, s ldm.Spacing, toZero bool) []ldm.Level {
		l, err := c.Levels(count, s, toZero)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	steps := func(l []ldm.Step, err error) []ldm.Step {
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	type run func(ctx context.Context, d ldm.Denoiser, x []float32, n ldm.NoiseSource, r ldm.StepReport) error
	ddim := func(l []ldm.Step) run {
		return func(ctx context.Context, d ldm.Denoiser, x []float32, n ldm.NoiseSource, r ldm.StepReport) error {
			return ldm.DDIM(ctx, d, x, l, n, r)
		}
	}
	dpm := func(l []ldm.Level) run {
		return func(ctx context.Context, d ldm.Denoiser, x []float32, n ldm.NoiseSource, r ldm.StepReport) error {
			return ldm.DPMSolverPP2M(ctx, d, x, l, n, r)
		}
	}
	cases := map[string]run{
		"ddim_a1_S10_eta0":              ddim(steps(c.DiffusersDDIMSteps(10, 0, true))),
		"ddim_a1_S10_eta1":              ddim(steps(c.DiffusersDDIMSteps(10, 1, true))),
		"ddim_a0_S10_eta1":              ddim(steps(c.DiffusersDDIMSteps(10, 1, false))),
		"dpmpp2m_linspace_zero_S10":     dpm(levels(10, ldm.LinearSpacing, true)),
		"dpmpp2m_leading_zero_S20":      dpm(levels(20, ldm.LeadingSpacing, true)),
		"dpmpp2m_linspace_sigmamin_S10": dpm(levels(10, ldm.LinearSpacing, false)),
		"unipc_bh2_linspace_zero_S10": func(ctx context.Context, d ldm.Denoiser, x []float32, n ldm.NoiseSource, r ldm.StepReport) error {
			return ldm.UniPC(ctx, d, x, levels(10, ldm.LinearSpacing, true), n, r)
		},
	}
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := loadTiny(t, b)
		cond, noise := tensor(t, golden["cond"]), golden["noise"].Float32()
		for key, run := range cases {
			x := tensor(t, golden["x_T"])
			x.Data = slices.Clone(x.Data)
			want, wantT := golden[key+"/x"].Float32(), golden[key+"/t"].Int64()
			n := len(x.Data)
			call := 0
			denoise := func(latent []float32, timestep int) ([]float32, error) {
				if int64(timestep) != wantT[call] {
					t.Errorf("%s: call %d at time step %d, want %d", key, call, timestep, wantT[call])
				}
				call++
				ts := []float32{float32(timestep), float32(timestep)}
				eps, err := m.Denoise(&ldm.Tensor{Shape: x.Shape, Data: latent}, cond, ts)
				if err != nil {
					return nil, err
				}
				return eps.Data, nil
			}
			err := run(context.Background(), denoise, x.Data,
				func(dst []float32, step int) { copy(dst, noise[(step-1)*n:step*n]) },
				func(step int, x, _ []float32) {
					ref := want[step*n : (step+1)*n]
					if d := distance(t, x, ref); d > 1e-4*maxAbs(ref) {
						t.Errorf("%s step %d: max abs error %.2g of %.3g", key, step, d, maxAbs(ref))
					}
				})
			if err != nil {
				t.Fatal(err)
			}
			if call != len(wantT) {
				t.Errorf("%s: %d network calls, want %d", key, call, len(wantT))
			}
		}
	})
}

// gauss is the exact denoiser of data that is normal with standard deviation
// 0.5: E[noise | x] = σ·x/(0.25·α² + σ²).
func gauss(c ldm.ScheduleConfig) ldm.Denoiser {
	alphas := c.AlphasCumprod()
	return func(x []float32, t int) ([]float32, error) {
		a, s := float64(alphas[t]), 1-float64(alphas[t])
		eps := make([]float32, len(x))
		for i, v := range x {
			eps[i] = float32(math.Sqrt(s) * float64(v) / (0.25*a + s))
		}
		return eps, nil
	}
}

// Every method turns noise into the data's distribution, whose standard
// deviation is 0.5; with one x_T the stochastic ones spread, the others do
// not.
func TestMethodsSampleAKnownDistribution(t *testing.T) {
	c := ldm.X4().Schedule
	for _, name := range ldm.Methods() {
		for _, eta := range []float64{0, 1} {
			p, err := c.Plan(name, 250, eta) // with 50, DDIM of eta 1 reaches 0.44
			if err != nil {
				if strings.HasPrefix(name, "ddim") {
					t.Errorf("%s eta %v: %v", name, eta, err)
				}
				continue
			}
			std := func(x []float32) float64 {
				noise := func(dst []float32, step int) { srspace.Noise(dst, 7, uint32(step)) }
				if err := p.Run(context.Background(), gauss(c), x, noise, nil); err != nil {
					t.Fatal(err)
				}
				sum, square := 0.0, 0.0
				for _, v := range x {
					sum += float64(v)
					square += float64(v) * float64(v)
				}
				n := float64(len(x))
				return math.Sqrt(square/n - sum*sum/n/n)
			}
			x := make([]float32, 20000)
			srspace.Noise(x, 7, 0)
			if got := std(x); math.Abs(got-0.5) > 0.03 {
				t.Errorf("%s eta %v: samples have standard deviation %.3f, want 0.5", name, eta, got)
			}
			same := make([]float32, 20000)
			for i := range same {
				same[i] = 0.3
			}
			if got := std(same); (got > 0.1) != p.Stochastic {
				t.Errorf("%s eta %v: from one x_T samples spread by %.3f, stochastic %v", name, eta, got, p.Stochastic)
			}
		}
	}
}

// No step count fails, and every one is executed exactly.
func TestDDIMTakesEveryStepCount(t *testing.T) {
	c := ldm.X4().Schedule
	for count := 1; count <= 1000; count++ {
		p, err := c.Plan("ddim", count, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Timesteps) != count || p.Timesteps[0] >= 1000 || !slices.IsSortedFunc(p.Timesteps, func(a, b int) int { return b - a }) {
			t.Fatalf("%d steps: %v", count, p.Timesteps)
		}
		original, err := c.DDIMSteps(count, 1)
		if 1000%count != 0 || err != nil {
			continue
		}
		for i, s := range original {
			if s.Timestep != p.Timesteps[i] {
				t.Fatalf("%d steps: step %d at %d, the original's at %d", count, i, p.Timesteps[i], s.Timestep)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	c := ldm.X4().Schedule
	for _, bad := range []struct {
		method string
		steps  int
		eta    float64
	}{{"euler", 10, 0}, {"ddim", 0, 0}, {"ddim", 1001, 0}, {"ddim", 10, 1.5}, {"ddim", 10, math.NaN()}, {"unipc", 10, 1}, {"dpmpp-2m", 10, 0.5}, {"dpmpp-2m-sde", 10, 0}} {
		if _, err := c.Plan(bad.method, bad.steps, bad.eta); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
