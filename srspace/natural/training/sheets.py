"""Draws the held-out crops: LR, bicubic, HR, the mean of all samples, and four samples, a row each."""
import argparse
import pathlib

import numpy as np
import torch
from PIL import Image

import data
import golden
import resize
import unet

SAMPLES, SHOWN = 8, 4


def pictures(folder):
    for row in data.table("heldout-crops.tsv"):
        image, by = Image.open(pathlib.Path(folder) / row["file"]).convert("RGB"), int(row["by"])
        if by > 1:
            image = image.resize((image.width // by, image.height // by), Image.LANCZOS)
        left, top, side = (int(row[k]) for k in ("left", "top", "side"))
        hr = torch.from_numpy(np.asarray(image.crop((left, top, left + side, top + side))).copy()).permute(2, 0, 1)[None]
        yield row["name"], hr.float() / 127.5 - 1


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("model", type=pathlib.Path, help="model.safetensors")
    p.add_argument("photos", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    o = p.parse_args()
    o.out.mkdir(parents=True, exist_ok=True)
    first, denoiser = (n.to(torch.bfloat16, memory_format=torch.channels_last) for n in golden.load(o.model))
    for name, hr in pictures(o.photos):
        lr = resize.degrade(hr)
        lrs = lr.repeat(SAMPLES, 1, 1, 1)
        out = resize.rounded(first.decode(unet.sample(denoiser, lrs, seed=0), lrs))
        nearest = lr.repeat_interleave(4, 2).repeat_interleave(4, 3)
        row = torch.cat([nearest, resize.up(lr), hr, out.mean(0, keepdim=True), out[:SHOWN]])
        pixels = ((row.clamp(-1, 1) + 1) * 127.5).round().byte().permute(2, 0, 3, 1).reshape(hr.shape[2], -1, 3)
        Image.fromarray(pixels.numpy()).save(o.out / f"natural-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
