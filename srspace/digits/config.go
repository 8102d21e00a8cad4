package digits

import "github.com/trustsr/trustsr/srspace/ldm"

// Config is the digit model: the networks of the published model with fewer
// channels, one grey channel inside, and no downsampling of the 7×7 latent.
func Config() ldm.Config {
	return ldm.Config{
		UNet: ldm.UNetConfig{InChannels: 4, OutChannels: 3, ModelChannels: 64, ChannelMult: []int{1},
			NumResBlocks: 2, AttentionResolutions: []int{1}, NumHeadChannels: 32},
		VQ: ldm.VQConfig{InChannels: 1, OutChannels: 1, Channels: 32, ChannelMult: []int{1, 2, 2},
			NumResBlocks: 1, ZChannels: 3, EmbedDim: 3, NumEmbeddings: 512, NormGroups: 8},
		Schedule: ldm.ScheduleConfig{Timesteps: 1000, LinearStart: 0.0015, LinearEnd: 0.0155},
	}
}
