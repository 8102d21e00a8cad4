"""Photographs and rendered text, as patches of HR and LR pixels."""
import csv
import hashlib
import pathlib

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import resize

HERE = pathlib.Path(__file__).resolve().parent
REDUCTIONS = (2, 3, 5)  # so that JPEG artefacts vanish
SMALL = (1, 2)          # of pictures under SMALL_PIXELS
SMALL_PIXELS = 600_000
TEXT_PICTURES = 400
TEXT_SHARE = 0.18       # of the patches
MARGIN = 8              # HR pixels around a patch, so that its LR pixels know their neighbours


def table(name):
    with open(HERE / name, newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def photographs(folder):
    """The pictures to train on, reduced; their files must have the hashes of photographs.tsv."""
    for row in table("photographs.tsv"):
        path = pathlib.Path(folder) / row["file"]
        if hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
            raise SystemExit(f"{path} is not the file that photographs.tsv names")
        if row["use"] != "train":
            continue
        image = Image.open(path).convert("RGB")
        for by in SMALL if image.width * image.height < SMALL_PIXELS else REDUCTIONS:
            size = image.width // by, image.height // by
            yield np.asarray(image.resize(size, Image.LANCZOS) if by > 1 else image)


def text_picture(rng, photo, fonts):
    """A crop of a photograph with coloured, turned plates of digits and letters, drawn at three times its size."""
    side = 341
    y, x = (int(rng.integers(0, max(1, n - side))) for n in photo.shape[:2])
    image = Image.fromarray(photo[y:y + side, x:x + side]).resize((3 * side, 3 * side), Image.BICUBIC)
    for _ in range(int(rng.integers(10, 20))):
        cap_height = 2 ** rng.uniform(3, 4.8)  # 8 … 28 HR pixels
        font = ImageFont.truetype(str(fonts[rng.integers(len(fonts))]), int(3 * cap_height / 0.7))
        letters = "0123456789" * 4 + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-/"
        text = "".join(letters[i] for i in rng.integers(0, len(letters), int(rng.integers(1, 8))))
        left, top, right, bottom = font.getbbox(text)
        size = int(right - left + font.size * 0.6), int(bottom - top + font.size * 0.6)
        if max(size) > 3 * side:
            continue
        plate, ink = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
        if rng.random() < 0.6:  # a light ink on a dark plate, or the other way round
            plate, ink = tuple(v // 3 for v in plate), tuple(255 - v // 4 for v in ink)
            if rng.random() < 0.5:
                plate, ink = ink, plate
        opaque = 255 if rng.random() < 0.7 else 0
        drawn = Image.new("RGBA", size, plate + (opaque,))
        ImageDraw.Draw(drawn).text((font.size * 0.3 - left, font.size * 0.3 - top), text, font=font, fill=ink + (255,))
        if rng.random() < 0.6:
            drawn = drawn.rotate(float(rng.uniform(-25, 25)), expand=True, resample=Image.BICUBIC)
        image.paste(drawn, tuple(int(v) for v in rng.integers(-20, 3 * side - 60, 2)), drawn)
    return np.asarray(image.resize((side, side), Image.LANCZOS))


def prepare(photos, fonts, cache):
    """Lists of photographs and of text pictures, kept in the file cache."""
    if not cache.exists():
        pictures = list(photographs(photos))
        files = sorted(p for folder in fonts for p in pathlib.Path(folder).glob("*.ttf"))
        if not files:
            raise SystemExit(f"no font (*.ttf) in {' or '.join(map(str, fonts))}")
        rng = np.random.default_rng(1)
        wide = [p for p in pictures if min(p.shape[:2]) > 341]
        texts = [text_picture(rng, wide[rng.integers(len(wide))], files) for _ in range(TEXT_PICTURES)]
        part = cache.with_suffix(".part.npz")
        np.savez(part, **{f"photo{i}": p for i, p in enumerate(pictures)}, **{f"text{i}": p for i, p in enumerate(texts)})
        part.rename(cache)
    with np.load(cache) as z:
        return [z[k] for k in z.files if k.startswith("photo")], [z[k] for k in z.files if k.startswith("text")]


class Patches:
    """Draws patches of side HR pixels, chosen by detail, mirrored and transposed by chance."""

    def __init__(self, photos, texts, side, seed):
        self.rng, self.side = np.random.default_rng(seed), side
        self.pictures, self.tiles, weights = photos + texts, [], []
        for kind, numbers, share in (("photo", range(len(photos)), 1 - TEXT_SHARE),
                                     ("text", range(len(photos), len(self.pictures)), TEXT_SHARE)):
            details = []
            for i in numbers:
                for top, left, detail in self.details(self.pictures[i]):
                    self.tiles.append((i, top, left))
                    details.append(min(1, detail / 8) ** 0.7 + 0.05)
            weights.append(share * np.array(details) / np.sum(details))
        self.cumulated = np.cumsum(np.concatenate(weights))

    @staticmethod
    def details(picture):
        """The mean absolute Laplacian of green of each tile of 64 × 64 pixels."""
        g = picture[:, :, 1].astype(np.float32)
        laplacian = np.abs(4 * g[1:-1, 1:-1] - g[:-2, 1:-1] - g[2:, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:])
        h, w = laplacian.shape[0] // 64, laplacian.shape[1] // 64
        mean = laplacian[:64 * h, :64 * w].reshape(h, 64, w, 64).mean((1, 3))
        for y in range(h):
            for x in range(w):
                yield 64 * y, 64 * x, mean[y, x]

    def batch(self, n):
        """HR patches [n, 3, side, side] and their LR patches, in [-1, 1]."""
        side = self.side + 2 * MARGIN
        out = np.empty((n, side, side, 3), np.uint8)
        for k in range(n):
            tile = np.searchsorted(self.cumulated, self.rng.random() * self.cumulated[-1])
            i, top, left = self.tiles[min(int(tile), len(self.tiles) - 1)]
            p = self.pictures[i]
            top = int(np.clip(top + self.rng.integers(-32, 33) - MARGIN, 0, p.shape[0] - side))
            left = int(np.clip(left + self.rng.integers(-32, 33) - MARGIN, 0, p.shape[1] - side))
            patch = p[top:top + side, left:left + side]
            if self.rng.random() < 0.5:
                patch = patch[:, ::-1]
            if self.rng.random() < 0.5:
                patch = patch[::-1]
            if self.rng.random() < 0.5:
                patch = patch.transpose(1, 0, 2)
            out[k] = patch
        hr = torch.from_numpy(out).permute(0, 3, 1, 2).float() / 127.5 - 1
        lr, k = resize.degrade(hr), MARGIN // 4
        return hr[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].contiguous(), lr[:, :, k:-k, k:-k].contiguous()


def crops(folder, name="kodak-crops.tsv"):
    """The HR crops that a table lists, [n, 3, side, side] in [-1, 1], and their LR pictures."""
    out = []
    for row in table(name):
        image = Image.open(pathlib.Path(folder) / row["file"]).convert("RGB")
        left, top, side = (int(row[k]) for k in ("left", "top", "side"))
        out.append(np.asarray(image.crop((left, top, left + side, top + side))))
    hr = torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return hr, resize.degrade(hr)
