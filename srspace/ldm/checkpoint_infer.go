package ldm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"

	"github.com/trustsr/trustsr/internal/weights"
)

// infer works a configuration out from the shapes and the schedule buffers of
// an original checkpoint. Group sizes of the norms are CompVis's constant 32.
func infer(f *weights.File, headChannels int) (c Config, assumed []string, err error) {
	if !slices.ContainsFunc(f.Names(), func(n string) bool { return len(n) > len(UNetModule) && n[:len(UNetModule)] == UNetModule }) {
		return c, nil, fmt.Errorf("no tensors %s.…: not a latent diffusion model; its names are %s", UNetModule, some(f.Names()))
	}
	s := shapeReader{file: f}
	c.UNet = s.unet()
	c.VQ = s.firstStage()
	if s.err != nil {
		return c, nil, fmt.Errorf("no configuration beside the file, and its tensors tell none: %w", s.err)
	}
	if len(s.attention) > 0 {
		c.UNet.NumHeadChannels = headChannels
		if headChannels == 0 {
			c.UNet.NumHeadChannels = X4().UNet.NumHeadChannels
			assumed = append(assumed, fmt.Sprintf("attention heads of %d channels", c.UNet.NumHeadChannels))
		}
		for _, width := range s.attention {
			if width%c.UNet.NumHeadChannels != 0 {
				return c, nil, fmt.Errorf("attention of %d channels does not divide into heads of %d; put the model's project.yaml beside the file", width, c.UNet.NumHeadChannels)
			}
		}
	}
	c.Schedule, err = inferSchedule(f)
	if err == nil && c.Schedule.Timesteps == 0 {
		c.Schedule = X4().Schedule
		assumed = append(assumed, fmt.Sprintf("noise schedule %v…%v over %d steps", c.Schedule.LinearStart, c.Schedule.LinearEnd, c.Schedule.Timesteps))
	} else if dtype := f.DType("betas"); err == nil && (dtype == "F16" || dtype == "BF16") {
		assumed = append(assumed, fmt.Sprintf("noise schedule %v…%v, the shortest numbers that its betas are in %s", c.Schedule.LinearStart, c.Schedule.LinearEnd, dtype))
	}
	return c, assumed, err
}

// inferSchedule reads the buffer betas; it is zero where there is none.
func inferSchedule(f *weights.File) (s ScheduleConfig, err error) {
	if !f.Has("betas") {
		return s, nil
	}
	betas, err := f.Tensor("betas")
	if err != nil {
		return s, err
	}
	if len(betas.Shape) != 1 || len(betas.Data) < 2 {
		return s, fmt.Errorf("betas is %v", betas.Shape)
	}
	decimal := shortestDecimal(f.DType("betas"))
	s = ScheduleConfig{Timesteps: len(betas.Data), LinearStart: decimal(betas.Data[0]), LinearEnd: decimal(betas.Data[len(betas.Data)-1])}
	if !(s.LinearStart > 0 && s.LinearEnd >= s.LinearStart && s.LinearEnd < 1) {
		return s, fmt.Errorf("betas from %v to %v", s.LinearStart, s.LinearEnd)
	}
	return s, agrees(f, s)
}

// shortestDecimal returns what finds the number that was written in a
// configuration: the one of fewest digits that a tensor's type stores as the
// given one. Two halfs beside each other are 5e-4 apart, relative to them.
func shortestDecimal(dtype string) func(v float32) float64 {
	stored := func(d float64) float32 { return float32(d) }
	switch dtype {
	case "F16":
		stored = func(d float64) float32 { return float16.FromFloat32(float32(d)).Float32() }
	case "BF16":
		stored = func(d float64) float32 { return bfloat16.FromFloat32(float32(d)).Float32() }
	case "F64": // float64 betas carry the error of squaring a root
		stored = func(d float64) float32 {
			short, _ := strconv.ParseFloat(strconv.FormatFloat(d, 'g', 7, 64), 64)
			return float32(short)
		}
	}
	return func(v float32) float64 {
		want := stored(float64(v))
		for digits := 1; digits < 9; digits++ {
			if d, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', digits, 64), 64); stored(d) == want {
				return d
			}
		}
		return float64(v)
	}
}

// shapeReader reads numbers off shapes; the first that is missing is its
// error.
type shapeReader struct {
	file      *weights.File
	attention []int // widths of the UNet's attention
	err       error
}

// dim returns a size of a tensor.
func (s *shapeReader) dim(axis int, format string, args ...any) int {
	name := fmt.Sprintf(format, args...)
	shape := s.file.Shape(name)
	if axis >= len(shape) || shape[axis] < 1 {
		s.fail(fmt.Errorf("%s is missing or of shape %v", name, shape))
		return 1
	}
	return shape[axis]
}

func (s *shapeReader) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *shapeReader) has(format string, args ...any) bool {
	return s.file.Has(fmt.Sprintf(format, args...))
}

// multiple divides a width by that of the first level.
func (s *shapeReader) multiple(width, of int, what string) int {
	if width%of != 0 {
		s.fail(fmt.Errorf("%s is %d wide, no multiple of %d", what, width, of))
	}
	return width / of
}

// equal is what all levels must have in common.
func (s *shapeReader) equal(values []int, what string) int {
	if len(values) == 0 {
		s.fail(errors.New("no " + what))
		return 0
	}
	for _, v := range values {
		if v != values[0] {
			s.fail(fmt.Errorf("%s differ between levels: %v", what, values))
		}
	}
	return values[0]
}

func (s *shapeReader) unet() (c UNetConfig) {
	const m = UNetModule
	c.ModelChannels = s.dim(0, m+".input_blocks.0.0.weight")
	c.InChannels = s.dim(1, m+".input_blocks.0.0.weight")
	c.OutChannels = s.dim(0, m+".out.2.weight")
	var blocks []int // of each level
	ds, inLevel := 1, 0
	for i := 1; ; i++ {
		switch {
		case s.has(m+".input_blocks.%d.0.op.weight", i):
			blocks = append(blocks, inLevel)
			ds, inLevel = 2*ds, 0
			continue
		case s.has(m+".input_blocks.%d.0.in_layers.2.weight", i):
			width := s.dim(0, m+".input_blocks.%d.0.in_layers.2.weight", i)
			if inLevel == 0 {
				c.ChannelMult = append(c.ChannelMult, s.multiple(width, c.ModelChannels, fmt.Sprintf("input_blocks.%d", i)))
			}
			c.ScaleShiftNorm = s.dim(0, m+".input_blocks.%d.0.emb_layers.1.weight", i) == 2*width
			if s.has(m+".input_blocks.%d.1.qkv.weight", i) {
				s.attention = append(s.attention, width)
				if !slices.Contains(c.AttentionResolutions, ds) {
					c.AttentionResolutions = append(c.AttentionResolutions, ds)
				}
			}
			inLevel++
			continue
		}
		blocks = append(blocks, inLevel)
		break
	}
	c.NumResBlocks = s.equal(blocks, "residual blocks")
	if c.AttentionResolutions == nil {
		c.AttentionResolutions = []int{}
	}
	s.attention = append(s.attention, s.dim(1, m+".middle_block.1.qkv.weight"))
	return c
}

func (s *shapeReader) firstStage() (c VQConfig) {
	const m = FirstStageModule
	c.InChannels = s.dim(1, m+".encoder.conv_in.weight")
	c.Channels = s.dim(0, m+".encoder.conv_in.weight")
	c.OutChannels = s.dim(0, m+".decoder.conv_out.weight")
	c.ZChannels = s.dim(0, m+".encoder.conv_out.weight")
	c.EmbedDim = s.dim(0, m+".quant_conv.weight")
	c.NumEmbeddings = s.dim(0, m+".quantize.embedding.weight")
	c.NoMidAttention = !s.has(m + ".encoder.mid.attn_1.q.weight")
	var blocks []int
	for level := 0; s.has(m+".encoder.down.%d.block.0.conv1.weight", level); level++ {
		width := s.dim(0, m+".encoder.down.%d.block.0.conv1.weight", level)
		c.ChannelMult = append(c.ChannelMult, s.multiple(width, c.Channels, fmt.Sprintf("encoder.down.%d", level)))
		n := 0
		for s.has(m+".encoder.down.%d.block.%d.conv1.weight", level, n) {
			n++
		}
		blocks = append(blocks, n)
	}
	c.NumResBlocks = s.equal(blocks, "residual blocks of the first stage")
	return c
}
