"""Trains the natural-image model: first stage, then UNet. README.md says how."""
import argparse
import json
import pathlib
import platform
import time

import torch

import data
import export
import first_stage
import unet
from lpips import LPIPS

FONTS = ["/usr/share/fonts/truetype/liberation"]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--photos", required=True, help="folder with the files of photographs.tsv")
    p.add_argument("--out", required=True, type=pathlib.Path, help="folder for checkpoints, logs and the model")
    p.add_argument("--fonts", action="append", help=f"folder with fonts (default {FONTS[0]}); may be given more than once")
    p.add_argument("--kodak", help="folder with kodim01.png …, to measure with; without it nothing is measured")
    p.add_argument("--first-minutes", type=float, default=40)
    p.add_argument("--unet-minutes", type=float, default=60)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--compile", action="store_true", help="compile both networks (needs a C++ compiler)")
    options = p.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    photos, texts = data.prepare(options.photos, options.fonts or FONTS, options.out / "patches.npz")
    with open(options.out / "runs.jsonl", "a") as f:
        print(json.dumps(dict(began=time.strftime("%Y-%m-%dT%H:%M:%S%z"), torch=torch.__version__, machine=platform.processor() or platform.machine(),
                              threads=options.threads, compiled=options.compile,
                              first_minutes=options.first_minutes, unet_minutes=options.unet_minutes)), file=f)
    lpips = LPIPS()
    first = first_stage.train(options, photos, texts, lpips)
    unet.train(options, photos, texts, lpips, first)
    export.write(options.out)


if __name__ == "__main__":
    main()
