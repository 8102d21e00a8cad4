"""The networks of srspace/ldm in PyTorch, to measure them side by side.

Written from the papers and the published tensor names (Rombach et al., CVPR
2022): UNet, VQ decoder, DDIM. Weights come from the same safetensors file as
the Go program's, whose metadata holds the configuration. The program reads
one JSON request a line and answers each with one line; arrays travel as raw
little-endian float32 files. PyTorch 1.13 or newer, and numpy.
"""

import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import metrics


def norm(channels, groups, epsilon):
    return nn.GroupNorm(groups, channels, eps=epsilon)


def attention(q, k, v):
    """softmax(q k^T / sqrt(d)) v over [batch, heads, tokens, d]."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    scale = q.shape[-1] ** -0.25
    return torch.softmax((q * scale) @ (k * scale).transpose(-1, -2), dim=-1) @ v


class ResBlock(nn.Module):
    def __init__(self, channels, out, embedding, groups, scale_shift):
        super().__init__()
        self.scale_shift = scale_shift
        self.in_layers = nn.Sequential(norm(channels, groups, 1e-5), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out if scale_shift else out))
        self.out_layers = nn.Sequential(norm(out, groups, 1e-5), nn.SiLU(), nn.Identity(), nn.Conv2d(out, out, 3, padding=1))
        self.skip_connection = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x, emb):
        h = self.in_layers(x)
        e = self.emb_layers(emb)[:, :, None, None]
        if self.scale_shift:
            scale, shift = e.chunk(2, dim=1)
            h = self.out_layers[0](h) * (1 + scale) + shift
            h = self.out_layers[3](F.silu(h))
        else:
            h = self.out_layers(h + e)
        return self.skip_connection(x) + h


class Attention(nn.Module):
    def __init__(self, channels, heads, groups, new_order):
        super().__init__()
        self.heads, self.new_order = heads, new_order
        self.norm = norm(channels, groups, 1e-5)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x, emb):
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b, c, h * w))
        if self.new_order:
            q, k, v = qkv.reshape(b, 3, self.heads, c // self.heads, h * w).unbind(1)
        else:
            q, k, v = qkv.reshape(b, self.heads, 3, c // self.heads, h * w).unbind(2)
        a = attention(q.transpose(-1, -2), k.transpose(-1, -2), v.transpose(-1, -2))
        return x + self.proj_out(a.transpose(-1, -2).reshape(b, c, h * w)).reshape(b, c, h, w)


class First(nn.Conv2d):
    def forward(self, x, emb):
        return super().forward(x)


class Downsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x, emb):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, emb=None):
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Block(nn.ModuleList):
    def forward(self, x, emb):
        for layer in self:
            x = layer(x, emb)
        return x


class UNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, mult, count = c["model_channels"], c["channel_mult"], c["num_res_blocks"]
        groups, scale_shift = c.get("norm_num_groups") or 32, c.get("use_scale_shift_norm", False)
        emb = 4 * width
        self.width = width

        def heads(channels):
            return channels // c["num_head_channels"] if c.get("num_head_channels") else max(1, c.get("num_heads", 1))

        def res(channels, out):
            return ResBlock(channels, out, emb, groups, scale_shift)

        def attend(channels):
            return Attention(channels, heads(channels), groups, c.get("use_new_attention_order", False))

        self.time_embed = nn.Sequential(nn.Linear(width, emb), nn.SiLU(), nn.Linear(emb, emb))
        self.input_blocks = nn.ModuleList([Block([First(c["in_channels"], width, 3, padding=1)])])
        channels, skips, ds = width, [width], 1
        for level, m in enumerate(mult):
            for _ in range(count):
                layers = [res(channels, m * width)]
                channels = m * width
                if ds in c["attention_resolutions"]:
                    layers.append(attend(channels))
                self.input_blocks.append(Block(layers))
                skips.append(channels)
            if level != len(mult) - 1:
                self.input_blocks.append(Block([Downsample(channels)]))
                skips.append(channels)
                ds *= 2
        self.middle_block = Block([res(channels, channels), attend(channels), res(channels, channels)])
        self.output_blocks = nn.ModuleList()
        for level, m in reversed(list(enumerate(mult))):
            for i in range(count + 1):
                layers = [res(channels + skips.pop(), m * width)]
                channels = m * width
                if ds in c["attention_resolutions"]:
                    layers.append(attend(channels))
                if level and i == count:
                    layers.append(Upsample(channels))
                    ds //= 2
                self.output_blocks.append(Block(layers))
        self.out = nn.Sequential(norm(channels, groups, 1e-5), nn.SiLU(), nn.Conv2d(channels, c["out_channels"], 3, padding=1))
        half = width // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x, lr, t):
        args = t[:, None] * self.frequencies[None]
        emb = self.time_embed(torch.cat([torch.cos(args), torch.sin(args)], dim=1).to(x.dtype))
        h, skips = torch.cat([x, lr], dim=1), []
        for block in self.input_blocks:
            h = block(h, emb)
            skips.append(h)
        h = self.middle_block(h, emb)
        for block in self.output_blocks:
            h = block(torch.cat([h, skips.pop()], dim=1), emb)
        return self.out(h)


class VQResnet(nn.Module):
    def __init__(self, channels, out, groups):
        super().__init__()
        self.norm1, self.conv1 = norm(channels, groups, 1e-6), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = norm(out, groups, 1e-6), nn.Conv2d(out, out, 3, padding=1)
        if channels != out:
            self.nin_shortcut = nn.Conv2d(channels, out, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class VQAttention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm = norm(channels, groups, 1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.norm(x)
        q, k, v = (p(y).reshape(b, 1, c, h * w).transpose(-1, -2) for p in (self.q, self.k, self.v))
        return x + self.proj_out(attention(q, k, v).transpose(-1, -2).reshape(b, c, h, w))


class Named(nn.Module):
    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        groups, mult = c.get("norm_num_groups") or 32, c["ch_mult"]
        width = mult[-1] * c["ch"]
        mid = {"block_1": VQResnet(width, width, groups)}
        if not c.get("no_mid_attention"):
            mid["attn_1"] = VQAttention(width, groups)
        mid["block_2"] = VQResnet(width, width, groups)
        given = c["z_channels"] + (c["out_ch"] if c.get("residual") else 0)
        self.conv_in, self.mid = nn.Conv2d(given, width, 3, padding=1), Named(**mid)
        levels = [None] * len(mult)
        for level in reversed(range(len(mult))):
            blocks = nn.ModuleList()
            for _ in range(c["num_res_blocks"] + 1):
                blocks.append(VQResnet(width, mult[level] * c["ch"], groups))
                width = mult[level] * c["ch"]
            levels[level] = Named(block=blocks, **({"upsample": Upsample(width)} if level else {}))
        self.up = nn.ModuleList(levels)
        self.norm_out, self.conv_out = norm(width, groups, 1e-6), nn.Conv2d(width, c["out_ch"], 3, padding=1)

    def forward(self, h):
        h = self.conv_in(h)
        for block in self.mid.children():
            h = block(h)
        for level in reversed(self.up):
            for block in level.block:
                h = block(h)
            if hasattr(level, "upsample"):
                h = level.upsample(h)
        return self.conv_out(F.silu(self.norm_out(h)))


class FirstStage(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.residual = c.get("residual", False)
        if c["n_embed"]:
            self.quantize = Named(embedding=nn.Embedding(c["n_embed"], c["embed_dim"]))
        self.post_quant_conv = nn.Conv2d(c["embed_dim"], c["z_channels"], 1)
        self.decoder = Decoder(c)

    def forward(self, z, lr):
        """lr is used by a residual first stage alone; its bicubic differs from MATLAB's at the border."""
        if self.residual:
            x = self.decoder(torch.cat([self.post_quant_conv(z), lr], dim=1))
            return x + F.interpolate(lr, size=x.shape[2:], mode="bicubic", antialias=True)
        b, c, h, w = z.shape
        book = self.quantize.embedding.weight
        flat = z.permute(0, 2, 3, 1).reshape(-1, c)
        nearest = ((book * book).sum(1) - 2 * flat @ book.t()).argmin(1)
        codes = book[nearest].reshape(b, h, w, c).permute(0, 3, 1, 2)
        return self.decoder(self.post_quant_conv(codes.contiguous()))


def read_safetensors(path):
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    size = int(raw[:8].view("<u8")[0])
    header = json.loads(raw[8 : 8 + size].tobytes())
    meta = header.pop("__metadata__", {})
    kinds = {"F32": "<f4", "F16": "<f2"}
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = raw[8 + size + start : 8 + size + end].tobytes()
        array = np.frombuffer(values, dtype=kinds[entry["dtype"]]).astype(np.float32)
        tensors[name] = torch.from_numpy(array.reshape(entry["shape"]))
    return tensors, meta


def take(tensors, prefix, module):
    own = {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
    wanted = module.state_dict()
    module.load_state_dict({name: own[name] for name in wanted})


class Model:
    def __init__(self, path, device, dtype, compiled):
        tensors, meta = read_safetensors(path)
        config = json.loads(meta["config"])
        self.unet, self.first = UNet(config["unet"]), FirstStage(config["first_stage"])
        self.predicts_v = config["unet"].get("prediction") == "v"
        take(tensors, "model.diffusion_model.", self.unet)
        take(tensors, "first_stage_model.", self.first)
        for network in (self.unet, self.first):
            network.eval().to(device=device, dtype=dtype)
        self.unet.frequencies = self.unet.frequencies.float()
        if compiled:
            self.unet, self.first = torch.compile(self.unet), torch.compile(self.first)

    def ddim(self, x, lr, steps, noise):
        """Song et al. 2021, equation 12; noise(step) may be called once a step."""
        t = torch.empty(x.shape[0], device=x.device)
        for i, (step, alpha, alpha_prev, sigma) in enumerate(steps):
            eps = self.unet(x, lr, t.fill_(step))
            if self.predicts_v:
                eps = math.sqrt(alpha) * eps + math.sqrt(1 - alpha) * x
            x0 = (x - math.sqrt(1 - alpha) * eps) / math.sqrt(alpha)
            x = math.sqrt(alpha_prev) * x0 + math.sqrt(max(0.0, 1 - alpha_prev - sigma**2)) * eps
            if sigma:
                x = x + sigma * noise(i)
        return x


class Server:
    def __init__(self):
        self.models = {}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def finish(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def array(self, request, name):
        a = np.fromfile(request[name]["path"], dtype="<f4").reshape(request[name]["shape"])
        return torch.from_numpy(a).to(device=self.device, dtype=self.dtype(request))

    @staticmethod
    def dtype(request):
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[request.get("dtype", "float32")]

    def model(self, request):
        key = (request["model"], request.get("dtype", "float32"), request.get("compiled", False))
        if key not in self.models:
            self.models[key] = Model(key[0], self.device, self.dtype(request), key[2])
        return self.models[key]

    def hello(self, request):
        if request.get("threads"):
            torch.set_num_threads(request["threads"])
        return {"torch": torch.__version__, "device": self.device.type, "threads": torch.get_num_threads(),
                "compile": self.can_compile()}

    @staticmethod
    def can_compile():
        if not hasattr(torch, "compile"):
            return False
        try:
            torch.compile(lambda x: x * 2 + 1)(torch.ones(4))
        except Exception:  # no compiler, an unsupported Python
            return False
        return True

    def denoise(self, request):
        x, lr = self.array(request, "x"), self.array(request, "lr")
        t = torch.full((x.shape[0],), float(request["t"]), device=self.device)
        model = self.model(request)
        return lambda: model.unet(x, lr, t)

    def decode(self, request):
        z, model = self.array(request, "x"), self.model(request)
        return lambda: model.first(z, None)

    def latent(self, request):
        """The sampled latent, of given noise."""
        x, lr, noise, model = self.array(request, "x"), self.array(request, "lr"), self.array(request, "noise"), self.model(request)
        return lambda: model.ddim(x, lr, request["steps"], lambda i: noise[i])

    def lpips(self, request):
        return self.metric(request, metrics.lpips)

    def dists(self, request):
        return self.metric(request, metrics.dists)

    def metric(self, request, score):
        images, ref = self.array(request, "x"), self.array(request, "lr")
        tensors = {}
        for path in request["files"]:
            tensors.update(read_safetensors(path)[0])
        tensors = {name: t.to(device=self.device) for name, t in tensors.items()}
        if request.get("compiled"):
            score = torch.compile(score)
        return lambda: torch.cat([score(tensors, part, ref.expand_as(part)) for part in images.split(10)])

    def sample(self, request):
        """Whole samples, with PyTorch's own noise, clamped, as bytes."""
        lr, model = self.array(request, "lr"), self.model(request)
        shape = request["latent"]

        def draw():
            out = []
            for _ in range(request["rounds"]):
                noise = lambda i=0: torch.randn(shape, device=self.device, dtype=self.dtype(request))
                x = model.first(model.ddim(noise(), lr, request["steps"], noise), lr)
                out.append(((x.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu())
            return torch.cat(out).float()

        return draw

    def answer(self, request):
        operation = getattr(self, request["op"])
        if request["op"] == "hello":
            return operation(request)
        run = operation(request)
        self.finish()
        began = time.perf_counter()
        result = run()
        self.finish()
        seconds = time.perf_counter() - began
        if request.get("out"):
            result.float().cpu().contiguous().numpy().astype("<f4").tofile(request["out"])
        return {"seconds": seconds, "shape": list(result.shape)}


def main():
    server = Server()
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                reply = server.answer(json.loads(line))
            except Exception as e:
                reply = {"error": "%s: %s" % (type(e).__name__, e)}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
