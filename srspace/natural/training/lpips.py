"""LPIPS 0.1 with AlexNet, of the two files that package metrics ships."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

PUBLISHED = pathlib.Path(__file__).resolve().parents[3] / "metrics" / "published"
LAYERS = [(0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)]  # number, stride, padding


class LPIPS:
    def __init__(self, folder=PUBLISHED):
        w = {}
        for name in ("alex_float32", "alex_float16"):
            w |= {k: v.float() for k, v in load_file(pathlib.Path(folder) / f"{name}.safetensors").items()}
        self.weights = [(w[f"features.{i}.weight"], w[f"features.{i}.bias"]) for i, _, _ in LAYERS]
        self.linear = [w[f"lin{i}.model.1.weight"] for i in range(len(LAYERS))]
        self.shift = torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1)
        self.scale = torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1)

    def features(self, x):
        x, out = (x - self.shift) / self.scale, []
        for i, (_, stride, padding) in enumerate(LAYERS):
            if i in (1, 2):
                x = F.max_pool2d(x, 3, 2)
            weight, bias = self.weights[i]
            x = F.relu(F.conv2d(x, weight, bias, stride, padding))
            out.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return out

    def __call__(self, x, y):
        """The distance of each picture of x from that of y; both in [-1, 1]."""
        with torch.no_grad():
            ys = self.features(y)
        return sum((((a - b) ** 2) * w).sum(1).mean((1, 2)) for a, b, w in zip(self.features(x), ys, self.linear))
