package ldm_test

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/compute"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// sampled checks a trajectory of golden/ldm/tiny/e2e.npz: to 1e-4 of the
// largest value of the latent.
func sampled(t *testing.T, m *ldm.Model, steps int, xT, lr *ldm.Tensor, noise func(dst []float32, step int), want *npy.Array) *ldm.Tensor {
	t.Helper()
	plan, err := m.Config.Schedule.Plan("ddim-compvis", steps, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SampleLatent(context.Background(), plan, xT, lr, noise); err != nil {
		t.Fatal(err)
	}
	ref := want.Float32()
	if d := distance(t, xT.Data, ref); !(d <= 1e-4*maxAbs(ref)) {
		t.Errorf("latent is %.3g off, the largest value is %.3g", d, maxAbs(ref))
	}
	return xT
}

// A picture from end to end in the original authors' code: LR, 20 steps, codes,
// decoder, 8 bits.
func TestEndToEndPicture(t *testing.T) {
	golden := archive(t, "e2e.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m := loadTiny(t, b)
		noise := golden["img/noise"].Float32()
		x := tensor(t, golden["img/x_T"])
		n := len(x.Data)
		z := sampled(t, m, 20, x, tensor(t, golden["img/cond"]), func(dst []float32, step int) { copy(dst, noise[(step-1)*n:step*n]) }, golden["img/latent"])
		out, err := m.Decode(z, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range out.Data {
			out.Data[i] = min(1, max(-1, v))
		}
		sr := golden["img/sr"].Float32()
		if d := distance(t, out.Data, sr); !(d <= 1e-4*maxAbs(sr)) {
			t.Errorf("picture is %.3g off", d)
		}
		// 8 bits, where rounding does not turn on the tolerance
		bytes := golden["img/u8_round"]
		h, w := out.Shape[2], out.Shape[3]
		levels := bytes.Float32() // [h, w, 3]
		for p := range h * w {
			for k := range 3 {
				exact := float64(sr[k*h*w+p]/2+0.5) * 255
				if math.Abs(exact-math.Floor(exact)-0.5) < 0.02 {
					continue
				}
				if got := math.Round(float64(out.Data[k*h*w+p]/2+0.5) * 255); got != float64(levels[3*p+k]) {
					t.Fatalf("channel %d of pixel %d is %v in 8 bits, want %v", k, p, got, levels[3*p+k])
				}
			}
		}
	})
}

// The paper's tiling from end to end: a 7×7 digit repeated 9×9 and one period
// on, 5 steps, decoded, cut into 81 grey digits.
func TestEndToEndTiles(t *testing.T) {
	golden := archive(t, "e2e.npz")
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		if backend.Of(b).Kind() == backend.PureGo && !backend.SIMD() {
			t.Skip("minutes without GOEXPERIMENT=simd")
		}
		m := loadTiny(t, b)
		lr := weights.NewTensor(1, 3, 64, 64)
		digit := golden["mnist/lr7"].Float32()
		for i := range lr.Data {
			lr.Data[i] = 2*digit[i/64%64%7*7+i%64%7] - 1
		}
		x := tensor(t, golden["mnist/x_T"])
		n := len(x.Data)
		bits := golden["mnist/noise_bf16_bits"].Int64()
		sampled(t, m, 5, x, lr, func(dst []float32, step int) {
			for i := range dst {
				dst[i] = math.Float32frombits(uint32(bits[(step-1)*n+i]) << 16)
			}
		}, golden["mnist/latent"])
		// the golden latent, as codes are near ties in places
		out, err := m.Decode(tensor(t, golden["mnist/latent"]), nil, true)
		if err != nil {
			t.Fatal(err)
		}
		digits, mean := golden["mnist/digits_gray_f16"].Float32(), golden["mnist/mean_digit"].Float32()
		got := make([]float32, len(digits))
		average := make([]float64, 28*28)
		for i := range got {
			d, y, x := i/784, i/28%28, i%28
			at := (d/9*28+y)*256 + d%9*28 + x
			for k := range 3 {
				got[i] += (min(1, max(-1, out.Data[k*256*256+at])) + 1) / 6
			}
			average[i%784] += float64(got[i]) / 81
		}
		// half a unit in the last place of a float16 near 1 is 2.4e-4
		if d := distance(t, got, digits); !(d <= 1e-4+2.5e-4) {
			t.Errorf("digits are %.3g off", d)
		}
		for i, v := range average {
			if !(math.Abs(v-float64(mean[i])) <= 1e-4) {
				t.Fatalf("pixel %d of the mean digit is %v, want %v", i, v, mean[i])
			}
		}
	})
}
