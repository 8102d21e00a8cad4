// Package ldm is the latent diffusion model for super-resolution of Rombach
// et al., "High-Resolution Image Synthesis with Latent Diffusion Models"
// (CVPR 2022), as released in CompVis/latent-diffusion: a VQ-regularised
// autoencoder (first stage), a UNet that denoises its latents conditioned on
// the LR image by concatenation, and DDIM sampling.
//
// One code serves all sizes: the published ×4 model (113.6 M + 55.3 M
// parameters) and the small digit model differ in a [Config]. Arrays are
// [batch, channels, height, width] float32; pictures are in [-1,1].
//
// In pure Go ("go"), build with GOEXPERIMENT=simd: the vector code is about ten
// times as fast. It rounds otherwise in the last bits, so that a sample may
// differ in some pixels from that of a build without it. On some
// processors (`kernel doctor` tells) vector code slows math.Exp down a
// hundredfold unless GODEBUG=cpu.fma=off is in the environment; the command sets
// it for itself, a program that imports this package does so on its own.
package ldm

import "fmt"

// Config describes a model whole. The JSON form is stored with the weights.
type Config struct {
	UNet     UNetConfig     `json:"unet"`
	VQ       VQConfig       `json:"first_stage"`
	Schedule ScheduleConfig `json:"schedule"`

	// Scheduler is a diffusers folder's own, nil for other models.
	Scheduler *Scheduler `json:"scheduler,omitempty"`
}

// UNetConfig has the parameters of CompVis's UNetModel that its released
// super-resolution models use.
type UNetConfig struct {
	InChannels    int   `json:"in_channels"`    // latent channels + LR channels
	OutChannels   int   `json:"out_channels"`   // latent channels
	ModelChannels int   `json:"model_channels"` // width of the first level
	ChannelMult   []int `json:"channel_mult"`   // width of each level, in ModelChannels
	NumResBlocks  int   `json:"num_res_blocks"` // per level going down; one more going up
	// AttentionResolutions are the downsampling factors (not sizes) whose
	// levels have attention.
	AttentionResolutions []int `json:"attention_resolutions"`
	NumHeadChannels      int   `json:"num_head_channels"`   // channels of an attention head; 0: NumHeads counts
	NumHeads             int   `json:"num_heads,omitempty"` // heads, where NumHeadChannels is 0
	ScaleShiftNorm       bool  `json:"use_scale_shift_norm,omitempty"`
	NewAttentionOrder    bool  `json:"use_new_attention_order,omitempty"` // (3, heads) rather than (heads, 3)
	NormGroups           int   `json:"norm_num_groups,omitempty"`         // 0: 32

	// NoMidNorm says that the attention in the middle has no norm before it, as
	// diffusers builds it with scale_shift.
	NoMidNorm bool `json:"no_mid_norm,omitempty"`

	// Prediction is what the network predicts: the noise where it is "", or
	// with [PredictV] the velocity of Salimans and Ho, "Progressive
	// Distillation for Fast Sampling of Diffusion Models" (ICLR 2022),
	// v = √ᾱ·noise − √(1−ᾱ)·x0.
	Prediction string `json:"prediction,omitempty"`
}

// PredictV is the [UNetConfig] Prediction of v.
const PredictV = "v"

// VQConfig has the parameters of the first stage: CompVis's VQModelInterface,
// or without codes its AutoencoderKL, and their ddconfig.
type VQConfig struct {
	InChannels     int   `json:"in_channels"` // of a picture: 3, or 1 for the digit model
	OutChannels    int   `json:"out_ch"`      // of a decoded picture
	Channels       int   `json:"ch"`          // width of the first level
	ChannelMult    []int `json:"ch_mult"`     // one entry a level; the latent is 2^(levels-1) times smaller
	NumResBlocks   int   `json:"num_res_blocks"`
	ZChannels      int   `json:"z_channels"`
	EmbedDim       int   `json:"embed_dim"`                 // channels of the latent and of a code
	NumEmbeddings  int   `json:"n_embed"`                   // codes; 0: none, latents are used as they are
	NormGroups     int   `json:"norm_num_groups,omitempty"` // 0: 32
	NoMidAttention bool  `json:"no_mid_attention,omitempty"`

	// Residual first stages encode only what the LR picture leaves open:
	// twice the difference of the HR picture and the bicubic enlargement of
	// the LR picture. Their decoder takes the LR picture after the latent's
	// channels, and what it gives is added to the enlargement.
	Residual bool `json:"residual,omitempty"`
}

// ScheduleConfig is the noise schedule of training.
type ScheduleConfig struct {
	Timesteps   int     `json:"timesteps"`
	LinearStart float64 `json:"linear_start"`
	LinearEnd   float64 `json:"linear_end"`

	// Kind is how β goes from start to end: evenly in √β ("", CompVis's
	// "linear" and diffusers' "scaled_linear"), evenly ([EvenBetas]), or, from
	// neither, as [CosineBetas].
	Kind string `json:"beta_schedule,omitempty"`
}

// Kinds of noise schedules, by diffusers' names.
const (
	EvenBetas   = "linear"
	CosineBetas = "squaredcos_cap_v2" // Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models" (2021)
)

// X4 is the published ×4 model, models/ldm/bsr_sr/config.yaml of
// CompVis/latent-diffusion.
func X4() Config {
	return Config{
		UNet: UNetConfig{InChannels: 6, OutChannels: 3, ModelChannels: 160, ChannelMult: []int{1, 2, 2, 4},
			NumResBlocks: 2, AttentionResolutions: []int{16, 8}, NumHeadChannels: 32},
		VQ: VQConfig{InChannels: 3, OutChannels: 3, Channels: 128, ChannelMult: []int{1, 2, 4},
			NumResBlocks: 2, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 8192},
		Schedule: ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
}

// Scale returns HR side / LR side: the first stage's downsampling factor.
func (c VQConfig) Scale() int { return 1 << (len(c.ChannelMult) - 1) }

// Check reports parameters that no network here is built of.
func (c Config) Check() error {
	lr := c.UNet.InChannels - c.UNet.OutChannels
	switch {
	case c.Schedule.Kind != "" && c.Schedule.Kind != EvenBetas && c.Schedule.Kind != CosineBetas:
		return fmt.Errorf("a noise schedule %.50q", c.Schedule.Kind)
	case c.UNet.Prediction != "" && c.UNet.Prediction != PredictV:
		return fmt.Errorf("a network that predicts %.50q: the noise, \"\", or %q", c.UNet.Prediction, PredictV)
	case c.VQ.NumEmbeddings < 0:
		return fmt.Errorf("a first stage of %d codes", c.VQ.NumEmbeddings)
	case c.VQ.Residual && (lr != c.VQ.InChannels || lr != c.VQ.OutChannels):
		return fmt.Errorf("a first stage from %d to %d channels that adds to an LR picture of %d", c.VQ.InChannels, c.VQ.OutChannels, lr)
	}
	return nil
}

func groups(n int) int {
	if n == 0 {
		return 32
	}
	return n
}

// heads returns the number of attention heads at a width.
func (c UNetConfig) heads(channels int) int {
	if c.NumHeadChannels > 0 {
		return channels / c.NumHeadChannels
	}
	return max(1, c.NumHeads)
}
