"""Writes networks.zip: small networks with random weights, exported by PyTorch
2.15 with both of its exporters or made by hand, each with a picture and
with the 8-bit picture that ONNX Runtime gives for it.

    python networks.py FOLDER networks.zip

FOLDER holds NAME.onnx and, where the weights are apart, NAME.onnx.data. Needs
numpy, onnxruntime and Pillow.
"""
import io, sys, zipfile, pathlib
import numpy as np, onnxruntime
from PIL import Image

NAMES = """act_elu_leg act_flip_leg act_hsig_leg act_mish_dyn act_scatter_leg act_softplus_leg avgp_leg cond_sigma cond_t cs3_fix
ct_k3s2p1op1_fix ct_k4s2p1_fix cv_sameU_fix edsrY_leg17dyn edsr_dyn18dyn edsr_qdq_dyn fixpad_reflect_leg fixpad_repl_dyn fixpad_repl_leg
gelu_amp_dyn gn21_dyn grid_leg half_dyn pad_reflect_leg rrdb_leg17dyn rs_c_fix rs_laa_fix rs_n_half_pixel_floor_fix swin_leg17dyn unet_bil_leg""".split()
folder = pathlib.Path(sys.argv[1])
out = zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED)


def add(name, data):
    out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def array(name, a):
    b = io.BytesIO()
    np.save(b, np.ascontiguousarray(a))
    add(name, b.getvalue())


def level(v):  # [0,1] to 8 bits
    return np.round(np.clip(v, 0, 1) * 255).astype(np.uint8)


for name in NAMES:
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    first, *others = session.get_inputs()
    channels, h, w = [n if isinstance(n, int) else k for n, k in zip(first.shape[1:], (3, 17, 21))]
    y, x, c = np.mgrid[0:h, 0:w, 0:3]
    lr = np.round(127 + 90 * np.sin(x * 0.7 + c) * np.cos(y * 0.45 - c) + (x * 29 + y * 17 + c * 7) % 31).astype(np.uint8)
    dtype = np.float16 if "16" in first.type else np.float32
    given = {i.name: np.array(0.35, np.float32) for i in others}
    if channels == 1:  # luma; Cb and Cr are enlarged by Pillow
        R, G, B = np.moveaxis(lr.astype(np.float64), 2, 0)
        rounded = lambda v: np.floor(np.clip(v, 0, 255) + 0.5).astype(np.uint8)
        luma = rounded(0.299 * R + 0.587 * G + 0.114 * B)
        cb, cr = rounded(128 - 0.168736 * R - 0.331264 * G + 0.5 * B), rounded(128 + 0.5 * R - 0.418688 * G - 0.081312 * B)
        luma = level(session.run(None, {first.name: (luma.astype(dtype) / 255)[None, None]})[0][0, 0]).astype(np.float64)
        cb, cr = [np.asarray(Image.fromarray(v).resize(luma.shape[::-1], Image.BICUBIC), np.float64) - 128 for v in (cb, cr)]
        result = rounded(np.stack([luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb], -1))
    else:
        result = session.run(None, {first.name: (lr.astype(dtype) / dtype(255)).transpose(2, 0, 1)[None], **given})[0][0]
        result = level(result.astype(np.float32)).transpose(1, 2, 0)
    spread = result.astype(int).max() - result.min()
    assert spread > 20, (name, spread)
    for file in folder.glob(f"{name}.onnx*"):
        add(f"{name}/{file.name}", file.read_bytes())
    array(f"{name}/lr.npy", lr)
    array(f"{name}/sr.npy", result)
print(len(NAMES), "networks")
