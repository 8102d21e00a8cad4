"""The two networks. Their parts have the names and shapes of CompVis's
latent-diffusion (AutoencoderKL, UNetModel), so that package ldm loads the
tensors as they are."""
import math

import torch
import torch.nn.functional as F
from torch import nn

import resize

FIRST_STAGE = dict(ch=16, ch_mult=[1, 3, 8], num_res_blocks=1, z_channels=4, groups=8)
UNET = dict(model_channels=64, channel_mult=[1, 2, 2], num_res_blocks=1, attention_resolutions=[4],
            num_head_channels=32, groups=16)
SCHEDULE = dict(timesteps=1000, linear_start=0.0015, linear_end=0.0155)

channels_last = torch.channels_last


def conv(i, o, size=3, stride=1, padding=None):
    return nn.Conv2d(i, o, size, stride, size // 2 if padding is None else padding)


def zeroed(module):
    """Starts a layer at zero, so that its block adds nothing at first."""
    for p in module.parameters():
        nn.init.zeros_(p)
    return module


# The first stage.


class ResnetBlock(nn.Module):
    def __init__(self, i, o, groups):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, i, 1e-6), conv(i, o)
        self.norm2, self.conv2 = nn.GroupNorm(groups, o, 1e-6), conv(o, o)
        if i != o:
            self.nin_shortcut = conv(i, o, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x)


class Resample(nn.Module):
    """A convolution with stride 2 (one zero row and column, below and right), or after doubling."""

    def __init__(self, c, half):
        super().__init__()
        self.half, self.conv = half, conv(c, c, 3, 2 if half else 1, 0 if half else 1)

    def forward(self, x):
        if self.half:
            return self.conv(F.pad(x, (0, 1, 0, 1)))
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


def middle(c, groups):
    m = nn.Module()
    m.block_1, m.block_2 = ResnetBlock(c, c, groups), ResnetBlock(c, c, groups)
    return m


class Encoder(nn.Module):
    def __init__(self, ch, ch_mult, num_res_blocks, z_channels, groups):
        super().__init__()
        self.conv_in, self.down, c = conv(3, ch), nn.ModuleList(), ch
        for i, mult in enumerate(ch_mult):
            level = nn.Module()
            level.block = nn.ModuleList()
            for _ in range(num_res_blocks):
                level.block.append(ResnetBlock(c, mult * ch, groups))
                c = mult * ch
            if i != len(ch_mult) - 1:
                level.downsample = Resample(c, half=True)
            self.down.append(level)
        self.mid = middle(c, groups)
        self.norm_out, self.conv_out = nn.GroupNorm(groups, c, 1e-6), conv(c, 2 * z_channels)

    def forward(self, x):
        h = self.conv_in(x)
        for level in self.down:
            for block in level.block:
                h = block(h)
            if hasattr(level, "downsample"):
                h = level.downsample(h)
        h = self.mid.block_2(self.mid.block_1(h))
        return self.conv_out(F.silu(self.norm_out(h)))


class Decoder(nn.Module):
    def __init__(self, ch, ch_mult, num_res_blocks, z_channels, groups):
        super().__init__()
        c = ch * ch_mult[-1]
        self.conv_in, self.mid = conv(z_channels + 3, c), middle(c, groups)
        self.up = nn.ModuleList(nn.Module() for _ in ch_mult)
        for i, mult in reversed(list(enumerate(ch_mult))):
            self.up[i].block = nn.ModuleList()
            for _ in range(num_res_blocks + 1):
                self.up[i].block.append(ResnetBlock(c, mult * ch, groups))
                c = mult * ch
            if i > 0:
                self.up[i].upsample = Resample(c, half=False)
        self.norm_out, self.conv_out = nn.GroupNorm(groups, c, 1e-6), zeroed(conv(c, 3))

    def forward(self, x):
        h = self.mid.block_2(self.mid.block_1(self.conv_in(x)))
        for level in reversed(self.up):
            for block in level.block:
                h = block(h)
            if hasattr(level, "upsample"):
                h = level.upsample(h)
        return self.conv_out(F.silu(self.norm_out(h)))


class FirstStage(nn.Module):
    """Encodes what the LR picture leaves open; the decoder sees the LR picture too.

    The latent is as large as the LR picture and has z_channels channels.
    """

    def __init__(self):
        super().__init__()
        z = FIRST_STAGE["z_channels"]
        self.encoder, self.decoder = Encoder(**FIRST_STAGE), Decoder(**FIRST_STAGE)
        self.quant_conv, self.post_quant_conv = conv(2 * z, 2 * z, 1), conv(z, z, 1)
        nn.init.constant_(self.quant_conv.bias[z:], -4)  # little noise at first, so that the decoder learns to use the latent

    def encode(self, hr, lr):
        """The mean and the logarithm of the variance of the latent."""
        x = 2 * (hr - resize.up(lr))
        x = x.to(self.quant_conv.weight.dtype).contiguous(memory_format=channels_last)
        mean, log_variance = self.quant_conv(self.encoder(x)).float().chunk(2, 1)
        return mean, log_variance.clamp(-12, 4)

    def decode(self, z, lr):
        dtype = self.quant_conv.weight.dtype
        z = self.post_quant_conv(z.to(dtype).contiguous(memory_format=channels_last))
        x = torch.cat([z, lr.to(dtype)], 1).contiguous(memory_format=channels_last)
        return self.decoder(x).float() + resize.up(lr)


class Discriminator(nn.Module):
    """A patch discriminator: one value for each 8 × 8 pixels."""

    def __init__(self, c=32):
        super().__init__()
        leaky = lambda: nn.LeakyReLU(0.2)
        self.net = nn.Sequential(
            nn.Conv2d(3, c, 4, 2, 1), leaky(),
            nn.Conv2d(c, 2 * c, 4, 2, 1), nn.GroupNorm(8, 2 * c), leaky(),
            nn.Conv2d(2 * c, 4 * c, 4, 2, 1), nn.GroupNorm(8, 4 * c), leaky(),
            nn.Conv2d(4 * c, 1, 3, 1, 1))

    def forward(self, x):
        dtype = self.net[0].weight.dtype
        return self.net(x.to(dtype).contiguous(memory_format=channels_last)).float()


# The UNet.


class ResBlock(nn.Module):
    def __init__(self, i, o, emb, groups):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(groups, i), nn.SiLU(), conv(i, o))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb, o))
        self.out_layers = nn.Sequential(nn.GroupNorm(groups, o), nn.SiLU(), nn.Identity(), zeroed(conv(o, o)))
        self.skip_connection = conv(i, o, 1) if i != o else nn.Identity()

    def forward(self, x, emb):
        h = self.in_layers(x) + self.emb_layers(emb)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class AttentionBlock(nn.Module):
    def __init__(self, c, head, groups):
        super().__init__()
        self.heads = c // head
        self.norm, self.qkv, self.proj_out = nn.GroupNorm(groups, c), nn.Conv1d(c, 3 * c, 1), zeroed(nn.Conv1d(c, c, 1))

    def forward(self, x, emb):
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b, c, h * w))
        # heads first, then q, k and v: the order of the published models
        q, k, v = qkv.reshape(b, self.heads, 3, c // self.heads, h * w).transpose(3, 4).unbind(2)
        a = F.scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(b, c, h * w)
        return x + self.proj_out(a).reshape(b, c, h, w)


class Downsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.op = conv(c, c, 3, 2)

    def forward(self, x, emb):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = conv(c, c)

    def forward(self, x, emb):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class UNet(nn.Module):
    """Predicts v of a noisy latent, given the LR picture."""

    def __init__(self):
        super().__init__()
        z, m, groups = FIRST_STAGE["z_channels"], UNET["model_channels"], UNET["groups"]
        emb, mults, blocks = 4 * m, UNET["channel_mult"], UNET["num_res_blocks"]
        self.time_embed = nn.Sequential(nn.Linear(m, emb), nn.SiLU(), nn.Linear(emb, emb))

        def layers(i, o, ds):
            attention = [AttentionBlock(o, UNET["num_head_channels"], groups)] if ds in UNET["attention_resolutions"] else []
            return [ResBlock(i, o, emb, groups)] + attention

        self.input_blocks = nn.ModuleList([nn.ModuleList([conv(z + 3, m)])])
        skips, c, ds = [m], m, 1
        for level, mult in enumerate(mults):
            for _ in range(blocks):
                self.input_blocks.append(nn.ModuleList(layers(c, mult * m, ds)))
                c = mult * m
                skips.append(c)
            if level != len(mults) - 1:
                self.input_blocks.append(nn.ModuleList([Downsample(c)]))
                skips.append(c)
                ds *= 2
        self.middle_block = nn.ModuleList([ResBlock(c, c, emb, groups), AttentionBlock(c, UNET["num_head_channels"], groups),
                                           ResBlock(c, c, emb, groups)])
        self.output_blocks = nn.ModuleList()
        for level, mult in reversed(list(enumerate(mults))):
            for i in range(blocks + 1):
                block = layers(c + skips.pop(), mult * m, ds)
                c = mult * m
                if level > 0 and i == blocks:
                    block.append(Upsample(c))
                    ds //= 2
                self.output_blocks.append(nn.ModuleList(block))
        self.out = nn.Sequential(nn.GroupNorm(groups, c), nn.SiLU(), zeroed(conv(c, z)))

    def forward(self, x, lr, t):
        dtype, half = self.out[2].weight.dtype, UNET["model_channels"] // 2
        angle = t.float()[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / half)[None]
        emb = self.time_embed(torch.cat([angle.cos(), angle.sin()], 1).to(dtype))
        h = torch.cat([x, lr], 1).to(dtype).contiguous(memory_format=channels_last)
        h = self.input_blocks[0][0](h)
        skips = [h]
        for block in self.input_blocks[1:]:
            for layer in block:
                h = layer(h, emb)
            skips.append(h)
        for layer in self.middle_block:
            h = layer(h, emb)
        for block in self.output_blocks:
            h = torch.cat([h, skips.pop()], 1)
            for layer in block:
                h = layer(h, emb)
        return self.out(h).float()


def alphas():
    """The products of 1 - beta that package ldm calls AlphasCumprod."""
    start, end = SCHEDULE["linear_start"] ** 0.5, SCHEDULE["linear_end"] ** 0.5
    betas = torch.linspace(start, end, SCHEDULE["timesteps"], dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()
