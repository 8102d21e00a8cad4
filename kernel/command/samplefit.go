package command

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// fitOptions are the flags of sample that bring pictures of any size to the
// networks.
type fitOptions struct {
	tile, window int
	memory       byteSize
}

func (o *fitOptions) register(f *pflag.FlagSet) {
	f.IntVar(&o.tile, "tile", 0, "repeat the LR picture N × N times in one run, which gives N² samples; the paper's is 9. It then pads periodically, unless --fit is given")
	f.IntVar(&o.window, "window", 0, "denoise and decode large pictures in overlapping windows of this many LR pixels, e.g. 64; part of the recipe")
	f.Var(&o.memory, "memory", "refuse, before work starts, what is estimated to need more than this, e.g. 4GiB; by default what is free now")
}

// apply sets a sampler as the flags say; fitGiven tells that --fit was among
// them.
func (o fitOptions) apply(s *ldm.Sampler, fitGiven bool) {
	s.Tile, s.Window, s.Memory = o.tile, o.window, int64(o.memory)
	if o.memory == 0 && !strings.HasPrefix(s.Description.Backend, "xla") { // a GPU has its own
		s.Memory = ldm.FreeMemory()
	}
	if o.tile > 0 && !fitGiven {
		s.Description.Fit = ldm.FitPeriodic
	}
}

// refuse is the error of models that take none of these flags.
func (o fitOptions) refuse(model string) error {
	if o == (fitOptions{}) {
		return nil
	}
	return hint.With(fmt.Errorf("--tile, --window and --memory are not for %s", model), "they are for checkpoints of a latent diffusion model, see --model")
}

// byteSize is a flag like "4GiB" or "800 MB".
type byteSize int64

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return fmt.Sprintf("%gGiB", float64(*b)/(1<<30))
}

func (b *byteSize) Type() string { return "size" }

func (b *byteSize) Set(s string) error {
	number := strings.TrimRight(s, "BGKMTbgikmt ")
	factor, ok := map[string]float64{
		"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
		"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	}[strings.ToLower(strings.TrimSpace(s[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n > 0) || n*factor >= math.MaxInt64 {
		return errors.New("write a size like 4GiB or 800MB")
	}
	*b = byteSize(n * factor)
	return nil
}
