package ldm

import (
	"fmt"
	"strings"
)

// What the networks hold beside their weights, and the weights in the form
// the backend keeps them, as a multiple of their size; and copies of the
// widest tensor at the moment of most memory. Rounded up from peaks of a
// process that drew one sample with the published architecture
// (TestSampleMemory): 1370 and 3801 MiB on the Go backend for 16×16 and 64×64
// pixels, up to 3254 and 3692 MiB on ONNX Runtime, which packs weights anew for
// each of its graphs.
const (
	goWeights, goCopies     = 2.0, 42
	onnxWeights, onnxCopies = 5.1, 12
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
	if strings.HasPrefix(s.Model.backend.Name(), "onnx") {
		factor, copies = onnxWeights, onnxCopies
	}
	pixels := int64(width) * int64(height)
	return int64(factor*float64(s.Model.weightBytes())) + host + 4*calls*copies*pixels*c.widest()
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
	if s.Batch > 1 || s.Workers > 1 {
		return "draw fewer samples a call"
	}
	return "the model and the picture are too large for the limit"
}

// gibibytes writes a number of bytes for people.
func gibibytes(n int64) string { return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30)) }
