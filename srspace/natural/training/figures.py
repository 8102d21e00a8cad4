"""PSNR, LPIPS and LR consistency of pictures in [-1, 1]."""
import torch

import resize


def psnr(a, b):
    """Of 8-bit pixels, in dB, for each picture."""
    error = (127.5 * (resize.rounded(a) - resize.rounded(b))).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / error.clamp_min(1e-9))


@torch.no_grad()
def of(pictures, hr, lr, lpips):
    shown = pictures.clamp(-1, 1)
    return dict(psnr=round(float(psnr(shown, hr).mean()), 2), lpips=round(float(lpips(shown, hr).mean()), 4),
                lr_consistency=round(float(psnr(resize.down(shown), lr).mean()), 1))
