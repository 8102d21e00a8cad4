package ldm

import (
	"fmt"
	"strconv"
	"strings"
)

// Names of layers within a block, CompVis's and diffusers'.
var (
	unetResnet = map[string]string{
		"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
		"out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
	}
	vqResnet = map[string]string{
		"norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2", "nin_shortcut": "conv_shortcut",
	}
	// attention layers by their names since diffusers 0.15, and those before
	attentionNames = map[string][2]string{
		"norm": {"group_norm", "group_norm"}, "q": {"to_q", "query"}, "k": {"to_k", "key"}, "v": {"to_v", "value"},
		"proj_out": {"to_out.0", "proj_attn"},
	}
	unetOuter = map[string]string{
		"time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
		"input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
	}
	vqOuter = map[string]string{
		"encoder.conv_in": "encoder.conv_in", "encoder.norm_out": "encoder.conv_norm_out", "encoder.conv_out": "encoder.conv_out",
		"decoder.conv_in": "decoder.conv_in", "decoder.norm_out": "decoder.conv_norm_out", "decoder.conv_out": "decoder.conv_out",
		"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv", "quantize.embedding": "quantize.embedding",
	}
	midBlocks = map[string]string{
		"middle_block.0": "mid_block.resnets.0", "middle_block.1": "mid_block.attentions.0", "middle_block.2": "mid_block.resnets.1",
		"mid.block_1": "mid_block.resnets.0", "mid.attn_1": "mid_block.attentions.0", "mid.block_2": "mid_block.resnets.1",
	}
)

// diffusersNames returns what diffusers calls the tensor of a component
// ("unet", "vqvae") that CompVis calls name, with alternatives; for qkv, which
// diffusers has as three tensors, the names of queries, keys and values.
//
// It equals diffusers' scripts/convert_ldm_original_checkpoint_to_diffusers.py
// on the UNet and covers the first stage too.
func (c Config) diffusersNames(component, name string) [][]string {
	dot := strings.LastIndex(name, ".")
	layer, kind := name[:dot], name[dot:] // ".weight" or ".bias"
	if component == "vqvae" {
		return withKind(c.VQ.diffusersLayer(layer), kind)
	}
	return withKind(c.UNet.diffusersLayer(layer), kind)
}

func withKind(layers [][]string, kind string) [][]string {
	for _, alternatives := range layers {
		for i := range alternatives {
			alternatives[i] += kind
		}
	}
	return layers
}

// attentionLayer returns the alternatives for a layer of the attention at.
func attentionLayer(at, layer string) [][]string {
	if layer == "qkv" {
		return [][]string{attentionLayer(at, "q")[0], attentionLayer(at, "k")[0], attentionLayer(at, "v")[0]}
	}
	n := attentionNames[layer]
	if n[0] == n[1] {
		return [][]string{{at + "." + n[0]}}
	}
	return [][]string{{at + "." + n[0], at + "." + n[1]}}
}

func one(format string, args ...any) [][]string { return [][]string{{fmt.Sprintf(format, args...)}} }

func (c UNetConfig) diffusersLayer(layer string) [][]string {
	if name, ok := unetOuter[layer]; ok {
		return one("%s", name)
	}
	parts := strings.SplitN(layer, ".", 3)
	if parts[0] == "middle_block" {
		at := midBlocks[parts[0]+"."+parts[1]]
		if parts[1] == "1" {
			return attentionLayer(at, parts[2])
		}
		return one("%s.%s", at, unetResnet[parts[2]])
	}
	// input_blocks.BLOCK.PLACE.… and output_blocks.BLOCK.PLACE.…
	block, _ := strconv.Atoi(parts[1])
	place, inner, _ := strings.Cut(parts[2], ".")
	side, level, i := "up_blocks", block/(c.NumResBlocks+1), block%(c.NumResBlocks+1)
	if parts[0] == "input_blocks" { // the first is conv_in
		side, level, i = "down_blocks", (block-1)/(c.NumResBlocks+1), (block-1)%(c.NumResBlocks+1)
	}
	switch {
	case inner == "op":
		return one("%s.%d.downsamplers.0.conv", side, level)
	case inner == "conv":
		return one("%s.%d.upsamplers.0.conv", side, level)
	case place == "0":
		return one("%s.%d.resnets.%d.%s", side, level, i, unetResnet[inner])
	}
	return attentionLayer(fmt.Sprintf("%s.%d.attentions.%d", side, level, i), inner)
}

func (c VQConfig) diffusersLayer(layer string) [][]string {
	if name, ok := vqOuter[layer]; ok {
		return one("%s", name)
	}
	parts := strings.Split(layer, ".") // encoder.mid.block_1.conv1, encoder.down.0.block.1.conv1, decoder.up.1.upsample.conv
	half, last := parts[0], parts[len(parts)-1]
	if parts[1] == "mid" {
		at := half + "." + midBlocks["mid."+parts[2]]
		if parts[2] == "attn_1" {
			return attentionLayer(at, last)
		}
		return one("%s.%s", at, vqResnet[last])
	}
	level, _ := strconv.Atoi(parts[2])
	side, sampler := "down_blocks", "downsamplers"
	if parts[1] == "up" { // diffusers counts in the order of use
		side, sampler, level = "up_blocks", "upsamplers", len(c.ChannelMult)-1-level
	}
	if parts[3] != "block" {
		return one("%s.%s.%d.%s.0.conv", half, side, level, sampler)
	}
	return one("%s.%s.%d.resnets.%s.%s", half, side, level, parts[4], vqResnet[last])
}
