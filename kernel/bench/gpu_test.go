package bench

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace/ldm"
)

// What is measured on a GPU runs, with a small network, on the Go backend too.
func TestDevice(t *testing.T) {
	small := ldm.X4()
	small.UNet.ModelChannels, small.VQ.Channels, small.VQ.NumEmbeddings = 32, 32, 64
	path := filepath.Join(t.TempDir(), "small.safetensors")
	if err := writeGenerated(path, small); err != nil {
		t.Fatal(err)
	}
	s := &session{full: path, Options: Options{Quick: true, Repeat: 1}, config: "go", dir: t.TempDir(), report: newReport(true)}
	s.Rehearse = true
	for _, measure := range []func(context.Context, *session) error{measureGPU, measureGPUSamples} {
		if err := measure(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, r := range s.report.Rows {
		ids = append(ids, r.ID)
		if !(r.Median > 0) || r.Unit == "" {
			t.Errorf("row %+v", r)
		}
	}
	all := strings.Join(ids, "\n")
	for _, want := range []string{
		"gpu/unet/16x16/batch 2/float32", "gpu/unet/16x16/batch 1/float32/first call, compiles",
		"gpu/sample/2 of 16x16/ddim-2/float32", "gpu/digits/8 of 2x2 tiled/ddim-2/float32",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no row %s in\n%s", want, all)
		}
	}
}

// A tenth of the amplitude is a hundredth of the power: 20 dB.
func TestSignalToError(t *testing.T) {
	if got := signalToError([]float32{1, -2, 0}, []float32{1.1, -2.2, 0}); math.Abs(got-20) > 1e-4 {
		t.Errorf("%v dB, want 20", got)
	}
}
