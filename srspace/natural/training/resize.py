"""Resizing by 4 exactly as package imresize does: MATLAB's bicubic kernel.

Pictures are [batch, channels, height, width] in [-1, 1].
"""
import functools

import torch


def cubic(x):
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))


@functools.lru_cache(maxsize=64)
def matrix(size, scale):
    """The [out, size] weights of one side; the picture is mirrored beyond its border."""
    out = -int(-size * scale // 1)
    shrink = min(1.0, scale)
    width = 4 / shrink
    centre = (torch.arange(out, dtype=torch.float64) + 0.5) / scale - 0.5
    taps = torch.floor(centre - width / 2).long()[:, None] + torch.arange(int(width) + 3)[None]
    weight = shrink * cubic(shrink * (centre[:, None] - taps))
    weight /= weight.sum(1, keepdim=True)
    position = taps % (2 * size)
    position = torch.where(position < size, position, 2 * size - 1 - position)
    m = torch.zeros(out, size, dtype=torch.float64)
    return m.scatter_add_(1, position, weight).float()


def resize(x, scale):
    rows, columns = matrix(x.shape[2], scale), matrix(x.shape[3], scale)
    return rows @ x.float() @ columns.T


def up(lr):
    """Bicubic enlargement by 4, not rounded."""
    return resize(lr, 4.0)


def down(hr):
    """Bicubic reduction by 4, not rounded."""
    return resize(hr, 0.25)


def rounded(x):
    return ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def degrade(hr):
    """The LR picture that the product makes of an 8-bit HR picture: rounded after each pass."""
    rows, columns = matrix(hr.shape[2], 0.25), matrix(hr.shape[3], 0.25)
    return rounded(rounded(rows @ hr) @ columns.T)


def project(x, lr, times=3):
    """Moves x towards the pictures whose reduction is lr."""
    for _ in range(times):
        x = x + up(lr - down(x))
    return x
