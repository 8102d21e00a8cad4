"""Trains the UNet on latents of a trained first stage, and samples with it."""
import time

import torch

import data
import figures
import networks
import resize
from learner import Learner, Stage

BATCH, SIDE = 16, 64
POOL = 4000       # encoded patches in memory
RENEW_EVERY = 8   # steps, after which 16 of them are replaced
EVALUATE_SECONDS = 600


class Latents:
    """A pool of latents, normalised, with their LR patches."""

    def __init__(self, first, patches, extra):
        self.first, self.patches = first, patches
        parts = [self.encode() for _ in range(POOL // 16)]
        self.z, self.lr = (torch.cat(p) for p in zip(*parts))
        if "mean" not in extra:
            extra["mean"], extra["deviation"] = self.z.mean((0, 2, 3), keepdim=True), self.z.std()
        self.mean, self.deviation = extra["mean"], extra["deviation"]
        self.z = (self.z - self.mean) / self.deviation

    @torch.no_grad()
    def encode(self):
        hr, lr = self.patches.batch(16)
        return self.first.encode(hr, lr)[0], lr

    def renew(self):
        i = int(torch.randint(0, len(self.z) // 16, ())) * 16
        z, self.lr[i:i + 16] = self.encode()
        self.z[i:i + 16] = (z - self.mean) / self.deviation

    def batch(self):
        i = torch.randint(0, len(self.z), (BATCH,))
        return self.z[i], self.lr[i]


@torch.no_grad()
def sample(network, lr, seed, steps=50):
    """DDIM with eta 1 (Song et al., equation 12) in CompVis's time steps; latents [n, z, h, w], normalised."""
    generator, alpha = torch.Generator().manual_seed(seed), networks.alphas()
    x = torch.randn(len(lr), networks.FIRST_STAGE["z_channels"], *lr.shape[2:], generator=generator)
    times = list(range(1, networks.SCHEDULE["timesteps"], networks.SCHEDULE["timesteps"] // steps))
    for t, before in zip(times[::-1], [*times[-2::-1], 0]):
        a, b = alpha[t], alpha[before]
        v = network(x, lr, torch.full((len(lr),), t))
        x0, eps = a.sqrt() * x - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * x
        sigma = ((1 - b) / (1 - a) * (1 - a / b)).sqrt()
        x = b.sqrt() * x0 + (1 - b - sigma**2).clamp_min(0).sqrt() * eps + sigma * torch.randn(x.shape, generator=generator)
    return x


def train(options, photos, texts, lpips, first):
    torch.manual_seed(2)
    patches = data.Patches(photos, texts, SIDE, seed=2)
    network, alpha = networks.UNet(), networks.alphas()
    learner = Learner(network, 8e-4)
    stage = Stage(options.out, "unet", options.unet_minutes, dict(unet=learner), patches)
    first = first.to(torch.bfloat16, memory_format=torch.channels_last)
    latents = Latents(first, patches, stage.extra)
    held = data.crops(options.kodak) if options.kodak else None
    stage.say("latents: mean", latents.mean.flatten().tolist(), "deviation", float(latents.deviation))

    def losses(z, lr, noise, t):
        a = alpha[t][:, None, None, None]
        v = network(a.sqrt() * z + (1 - a).sqrt() * noise, lr, t)
        return (v - (a.sqrt() * noise - (1 - a).sqrt() * z)).square().mean((1, 2, 3))

    if options.compile:
        losses = torch.compile(losses, dynamic=False)

    def evaluate():
        if held:
            hr, lr = held
            averaged = learner.averaged(networks.UNet()).to(torch.bfloat16, memory_format=torch.channels_last)
            with torch.no_grad():
                out = torch.cat([first.decode(sample(averaged, part, 100 + i) * latents.deviation + latents.mean, part)
                                 for i, part in enumerate(lr.split(8))])
            stage.measured(**figures.of(out, hr, lr, lpips), projected=figures.of(resize.project(out, lr), hr, lr, lpips))

    evaluated = time.monotonic()
    while stage.running():
        if stage.steps % RENEW_EVERY == 0:
            latents.renew()
        z, lr = latents.batch()
        loss = losses(z, lr, torch.randn_like(z), torch.randint(0, len(alpha), (BATCH,))).mean()
        loss.backward()
        learner.step(stage.share())
        stage.count(v=loss.detach())
        if time.monotonic() - evaluated > EVALUATE_SECONDS:
            evaluate()
            evaluated = time.monotonic()
    evaluate()
    return learner.averaged(networks.UNet()), latents.mean, latents.deviation
