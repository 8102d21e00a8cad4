package srspace

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext/prng"
)

// TorchRNG names [TorchNoise], as manifests record it.
const TorchRNG = "torch-cpu"

// torchBlock is how many values PyTorch's normal_fill transforms together.
const torchBlock = 16

// TorchNoise is PyTorch's CPU generator, for published seeds: successive
// calls of Fill give what successive torch.randn(…, dtype=float32) calls on
// a torch.Generator of device "cpu" give, to 2e-6 (its vectorised cosine
// rounds otherwise). Unlike [Noise] it is a stream: step noise depends on
// all draws before it.
//
// Uniforms are 24 bits of the Mersenne Twister MT19937; blocks of 16 become
// normals by the Box–Muller transform (ATen's normal_fill).
type TorchNoise struct{ twister *prng.MT19937 }

// NewTorchNoise is torch.Generator("cpu").manual_seed(seed), of which PyTorch
// uses the low 32 bits.
func NewTorchNoise(seed uint64) *TorchNoise {
	t := prng.NewMT19937()
	t.Seed(seed & math.MaxUint32)
	return &TorchNoise{t}
}

// Fill draws len(dst) standard normal values, at least 16: PyTorch draws
// fewer in another way.
func (n *TorchNoise) Fill(dst []float32) error {
	if len(dst) < torchBlock {
		return fmt.Errorf("torch noise of %d values: at least %d", len(dst), torchBlock)
	}
	n.uniform(dst)
	for at := 0; at+torchBlock <= len(dst); at += torchBlock {
		boxMullerBlock(dst[at : at+torchBlock])
	}
	if len(dst)%torchBlock != 0 { // the last 16 are drawn again
		tail := dst[len(dst)-torchBlock:]
		n.uniform(tail)
		boxMullerBlock(tail)
	}
	return nil
}

// uniform fills dst with multiples of 2⁻²⁴ in [0,1).
func (n *TorchNoise) uniform(dst []float32) {
	for i := range dst {
		dst[i] = float32(n.twister.Uint32()&(1<<24-1)) / (1 << 24)
	}
}

func boxMullerBlock(v []float32) {
	for j := range torchBlock / 2 {
		r := math.Sqrt(-2 * math.Log(1-float64(v[j])))
		sin, cos := math.Sincos(2 * math.Pi * float64(v[j+8]))
		v[j], v[j+8] = float32(r*cos), float32(r*sin)
	}
}
