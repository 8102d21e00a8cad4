"""Writes pipeline.zip: a latent diffusion pipeline for super-resolution of the
least size, with random weights, as diffusers 0.42.1 saves it, with scale_shift,
one attention head and weights in shards, and what its networks compute.

    python pipeline.py pipeline.zip

Needs torch and diffusers 0.42.1.
"""
import io, os, sys, tempfile, zipfile
import numpy as np, torch
from diffusers import DPMSolverMultistepScheduler, LDMSuperResolutionPipeline, UNet2DModel, VQModel

torch.manual_seed(19)
unet = UNet2DModel(in_channels=6, out_channels=3, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=None,
                   resnet_time_scale_shift="scale_shift", down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"))
vq = VQModel(block_out_channels=(8, 8, 8), layers_per_block=1, num_vq_embeddings=32, norm_num_groups=4, latent_channels=3,
             down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3)
with torch.no_grad():
    for p in [*unet.parameters(), *vq.parameters()]:
        p.add_(torch.randn_like(p) * 0.05)
scheduler = DPMSolverMultistepScheduler(beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear", use_karras_sigmas=True)
pipeline = LDMSuperResolutionPipeline(vq, unet, scheduler)
x, t = torch.randn(2, 6, 8, 8), torch.tensor([7, 640])
with torch.no_grad():
    arrays = dict(x=x, t=t, y=unet(x, t).sample, z=torch.randn(1, 3, 4, 4))
    arrays["picture"] = vq.decode(arrays["z"]).sample
out = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)


def add(name, data):
    out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


with tempfile.TemporaryDirectory() as folder:
    pipeline.save_pretrained(folder, max_shard_size="40KB", safe_serialization=False)
    for at, _, files in sorted(os.walk(folder)):
        for f in sorted(files):
            path = os.path.join(at, f)
            add("pipeline/" + os.path.relpath(path, folder), open(path, "rb").read())
for name, a in arrays.items():
    b = io.BytesIO()
    np.save(b, a.numpy())
    add(name + ".npy", b.getvalue())
