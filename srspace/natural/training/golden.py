"""Writes what the networks of an exported model compute here, for package natural's tests."""
import argparse
import json
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import networks
import resize

STEPS, SIDE = 10, 16  # of the trajectory; LR pixels


def load(path):
    """The float16 weights of a model file in float32 networks."""
    stored = {k: v.float() for k, v in load_file(path).items()}
    first, denoiser = networks.FirstStage(), networks.UNet()
    for network, prefix in ((first, "first_stage_model."), (denoiser, "model.diffusion_model.")):
        network.load_state_dict({k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)})
    return first.eval(), denoiser.eval()


@torch.no_grad()
def trajectory(denoiser, lr, noise):
    """DDIM with eta 1 in CompVis's time steps; noise is x_T and then what each step takes."""
    alpha, x = networks.alphas().double(), noise[0]
    stride = networks.SCHEDULE["timesteps"] // STEPS
    times = list(range(1, networks.SCHEDULE["timesteps"], stride))
    for i, t in enumerate(reversed(times)):
        a, b = alpha[t], alpha[t - stride] if t > stride else alpha[0]
        v = denoiser(x, lr, torch.full((len(x),), t))
        x0, eps = a.sqrt() * x - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * x
        sigma = ((1 - b) / (1 - a) * (1 - a / b)).sqrt()
        x = (b.sqrt() * x0 + (1 - b - sigma**2).sqrt() * eps + sigma * noise[i + 1]).float()
    return x


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("model", type=pathlib.Path, help="model.safetensors")
    p.add_argument("out", type=pathlib.Path, help="the file to write")
    o = p.parse_args()
    torch.manual_seed(5)
    first, denoiser = load(o.model)
    hr = torch.nn.functional.interpolate(torch.rand(2, 3, 2 * SIDE, 2 * SIDE), scale_factor=2, mode="bicubic").clamp(0, 1)
    hr = resize.rounded(2 * hr - 1)
    lr = resize.degrade(hr)
    z = networks.FIRST_STAGE["z_channels"]
    noise, t = torch.randn(STEPS + 1, 2, z, SIDE, SIDE), torch.tensor([1, 741])
    with torch.no_grad():
        v = denoiser(noise[0], lr, t)
        encoded = first.encode(hr, lr)[0]
        decoded = first.decode(noise[1], lr)
        latent = trajectory(denoiser, lr, noise)
        sample = first.decode(latent, lr)
        projected = resize.project(sample, lr)
    arrays = dict(hr=hr, lr=lr, noise=noise, t=t.float(), v=v, encoded=encoded, decoded=decoded, latent=latent, sample=sample, projected=projected)
    with safe_open(o.model, "pt") as f:
        config = json.loads(f.metadata()["config"])
    save_file({k: a.float().contiguous() for k, a in arrays.items()}, o.out, {"config": json.dumps(config), "torch": torch.__version__})


if __name__ == "__main__":
    main()
