"""LPIPS on AlexNet and DISTS on VGG16 in PyTorch, as their authors wrote them
(Zhang et al. 2018; Ding et al. 2020): the reference's features are computed
anew for each pair."""

import torch
import torch.nn.functional as F


def conv(tensors, name, x, **kwargs):
    return F.relu(F.conv2d(x, tensors[name + ".weight"], tensors[name + ".bias"], **kwargs))


def alexnet(t, x):
    maps = [conv(t, "features.0", x, stride=4, padding=2)]
    for name, padding, pool in (("3", 2, True), ("6", 1, True), ("8", 1, False), ("10", 1, False)):
        x = F.max_pool2d(maps[-1], 3, 2) if pool else maps[-1]
        maps.append(conv(t, "features." + name, x, padding=padding))
    return maps


def l2pool(x):
    a = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
    kernel = (a[:, None] * a[None, :])[None, None].repeat(x.shape[1], 1, 1, 1)
    return (F.conv2d(x * x, kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def vgg16(t, x):
    maps = []
    for i, stage in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))):
        if i:
            x = l2pool(x)
        for n in stage:
            x = conv(t, "features.%d" % n, x, padding=1)
        maps.append(x)
    return maps


def channels(values, like):
    return torch.tensor(values, device=like.device, dtype=like.dtype).view(1, 3, 1, 1)


def lpips(t, x, ref):
    """x and ref [n, 3, h, w] in [0,1]; returns [n]."""
    shift, scale = channels([-0.030, -0.088, -0.188], x), channels([0.458, 0.448, 0.450], x)
    total = 0
    for i, (a, b) in enumerate(zip(*(alexnet(t, (2 * y - 1 - shift) / scale) for y in (x, ref)))):
        a, b = (y / (y.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for y in (a, b))
        total = total + F.conv2d((a - b) ** 2, t["lin%d.model.1.weight" % i]).mean((1, 2, 3))
    return total


def dists(t, x, ref):
    """x and ref [n, 3, h, w] in [0,1]; returns [n]."""
    mean, deviation = channels([0.485, 0.456, 0.406], x), channels([0.229, 0.224, 0.225], x)
    all_a, all_b = ([y] + vgg16(t, (y - mean) / deviation) for y in (x, ref))
    weight = t["alpha"].sum() + t["beta"].sum()
    sizes = [a.shape[1] for a in all_a]
    alpha, beta = (torch.split(t[name] / weight, sizes, dim=1) for name in ("alpha", "beta"))
    similarity, c = 0, 1e-6
    for a, b, wa, wb in zip(all_a, all_b, alpha, beta):
        ma, mb = a.mean((2, 3), keepdim=True), b.mean((2, 3), keepdim=True)
        structure = (2 * ma * mb + c) / (ma**2 + mb**2 + c)
        va, vb = ((a - ma) ** 2).mean((2, 3), keepdim=True), ((b - mb) ** 2).mean((2, 3), keepdim=True)
        cross = (a * b).mean((2, 3), keepdim=True) - ma * mb
        texture = (2 * cross + c) / (va + vb + c)
        similarity = similarity + (wa * structure).sum((1, 2, 3)) + (wb * texture).sum((1, 2, 3))
    return 1 - similarity
