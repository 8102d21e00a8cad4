"""Adds to versions.zip the configuration files that the installed version of
diffusers saves for the pipeline of pipeline.py.

    python versions.py versions.zip

Run once for each version: 0.25.1, 0.31.0, 0.35.2.
"""
import json, os, sys, tempfile, zipfile
import huggingface_hub

if not hasattr(huggingface_hub, "cached_download"):  # which diffusers 0.25 imports and does not need here
    huggingface_hub.cached_download = None
import diffusers
from diffusers import DPMSolverMultistepScheduler, UNet2DModel, VQModel

unet = UNet2DModel(in_channels=6, out_channels=3, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=None,
                   resnet_time_scale_shift="scale_shift", down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"))
vq = VQModel(block_out_channels=(8, 8, 8), layers_per_block=1, num_vq_embeddings=32, norm_num_groups=4, latent_channels=3,
             down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3)
scheduler = DPMSolverMultistepScheduler(beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear", use_karras_sigmas=True)
with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(sys.argv[1], "a", zipfile.ZIP_DEFLATED) as out:
    for name, part in [("unet", unet), ("vqvae", vq), ("scheduler", scheduler)]:
        part.save_pretrained(os.path.join(folder, name))
        file = "scheduler_config.json" if name == "scheduler" else "config.json"
        out.writestr(zipfile.ZipInfo(f"{diffusers.__version__}/{name}/{file}", (2026, 1, 1, 0, 0, 0)), open(os.path.join(folder, name, file)).read())
    index = {"_class_name": "LDMSuperResolutionPipeline", "_diffusers_version": diffusers.__version__, "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
             "unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
    out.writestr(zipfile.ZipInfo(f"{diffusers.__version__}/model_index.json", (2026, 1, 1, 0, 0, 0)), json.dumps(index, indent=2))
