package ldm

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/trustsr/trustsr/internal/backend"
)

// What the networks hold beside their weights, and the weights in the form
// the backend keeps them, as a multiple of their size; and copies of the
// widest tensor at the moment of most memory. Rounded up from peaks of a
// process that drew one sample with the published architecture
// (TestSampleMemory): 1370 and 3833 MiB on the Go backend for 16×16 and 64×64
// pixels, up to 3375 and 3764 MiB on ONNX Runtime, which packs and transposes
// weights anew for each of its graphs.
const (
	goWeights, goCopies     = 2.0, 42
	onnxWeights, onnxCopies = 5.3, 10
)

// Estimate returns about how many bytes sampling takes at most for an LR
// picture of that size, fitted and tiled: weights, and what a round of calls
// holds at its widest place. XLA is taken to need what the Go backend does.
func (s *Sampler) Estimate(width, height int) int64 {
	c := s.Model.Config
	scale := int64(c.VQ.Scale())
	calls := int64(max(1, s.Batch) * max(1, s.Workers))
	// on the host: latents, noise and decoded pictures, in a few copies
	host := 4 * calls * int64(width) * int64(height) * (8*int64(c.UNet.InChannels) + 4*scale*scale*3)
	if s.Window > 0 {
		width, height = min(width, s.Window), min(height, s.Window)
	}
	factor, copies := goWeights, int64(goCopies)
	if backend.Of(s.Model.backend).Kind() == backend.ONNXRuntime {
		factor, copies = onnxWeights, onnxCopies
	}
	pixels := int64(width) * int64(height)
	return int64(factor*float64(s.Model.weightBytes())) + host + 4*calls*copies*pixels*c.widest()
}

// callPixels is the size of a picture that fills two cores on ONNX Runtime
// and XLA:
// samples of smaller ones are drawn several a call, which is faster a sample
// (BenchmarkBatch), so that no call costs more than one of 64×64. A GPU is
// given more. On the Go backend calls side by side are faster than larger ones.
const callPixels = 64 * 64

// maxBatch bounds the samples of a call of small pictures.
const maxBatch = 16

// SuitBatch sets Batch for LR pictures of a size: to a power of two that
// depends on the backend and the size alone, so that a sample's pixels depend
// on nothing that a person sets to be faster. Windows are sampled one a call.
func (s *Sampler) SuitBatch(width, height int) error {
	width, height, err := s.fitted(width*max(1, s.Tile), height*max(1, s.Tile))
	if err != nil {
		return err
	}
	most := 0
	switch info := backend.Of(s.Model.backend); {
	case s.Window > 0 || info.Kind() == backend.PureGo:
	case info.Kind() == backend.ONNXRuntime || info.Name == "xla:cpu":
		most = callPixels
	default:
		most = 4 * callPixels
	}
	for s.Batch = 1; s.Batch < maxBatch && 2*s.Batch*width*height <= most; s.Batch *= 2 {
	}
	return nil
}

// SuitWorkers sets Workers, which changes no sample, for n samples of an LR
// picture of that size: on the Go backend, whose elementwise work keeps one
// core busy a call, a call for each core where half of the memory that is free
// now, and Memory, suffice; elsewhere one.
func (s *Sampler) SuitWorkers(width, height, n int) error {
	s.Workers = 1
	if s.Model.serial {
		return nil
	}
	width, height, err := s.fitted(width*max(1, s.Tile), height*max(1, s.Tile))
	if err != nil {
		return err
	}
	up := func(n, by int) int { return (n + max(1, by) - 1) / max(1, by) }
	calls := up(up(n, s.Tile*s.Tile), s.Batch)
	limit := FreeMemory() / 2
	if s.Memory > 0 {
		limit = min(limit, s.Memory)
	}
	tried := *s
	for tried.Workers = min(runtime.GOMAXPROCS(0), calls); tried.Workers > 1; tried.Workers-- {
		if tried.Estimate(width, height) <= limit {
			s.Workers = tried.Workers
			return nil
		}
	}
	return nil
}

// FreeMemory is how many bytes programs can take before the system pages or a
// container's limit is met, 0 where it does not say.
func FreeMemory() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(info), "MemAvailable:")
	var free int64
	if _, err := fmt.Sscan(after, &free); err != nil {
		return 0
	}
	free <<= 10 // from KiB
	number := func(path string) (n int64, ok bool) {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, false
		}
		_, err = fmt.Sscan(string(data), &n) // "max" where there is no limit
		return n, err == nil
	}
	limit, limited := number("/sys/fs/cgroup/memory.max")
	if used, ok := number("/sys/fs/cgroup/memory.current"); ok && limited {
		free = min(free, max(0, limit-used))
	}
	return free
}

// widest is the largest number of values a latent pixel that a layer takes:
// a level's first in the decoder, or the UNet's with the skip connection.
func (c Config) widest() int64 {
	most := c.UNet.ModelChannels * 2 * c.UNet.ChannelMult[0]
	last := len(c.VQ.ChannelMult) - 1
	for level := range c.VQ.ChannelMult {
		side := 1 << (last - level)
		most = max(most, side*side*c.VQ.Channels*c.VQ.ChannelMult[min(level+1, last)])
	}
	return int64(most)
}

func (m *Model) weightBytes() (n int64) {
	for v := range m.store.IterVariables() {
		n += int64(v.Shape().ByteSize())
	}
	return n
}

// smaller says what takes no more than Memory, for a hint.
func (s *Sampler) smaller(width, height int) string {
	tried := *s
	for _, window := range []int{256, 128, 64, 32, 16} {
		if s.Window > 0 && window >= s.Window || window >= max(width, height) || window%s.Model.Config.UNet.multiple() != 0 {
			continue
		}
		tried.Window = window
		if need := tried.Estimate(width, height); need <= s.Memory {
			return fmt.Sprintf("overlapping windows of %d need about %s", window, gibibytes(need))
		}
	}
	if s.Workers > 1 {
		return "draw fewer samples side by side"
	}
	return "the model and the picture are too large for the limit"
}

// gibibytes writes a number of bytes for people.
func gibibytes(n int64) string { return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30)) }
