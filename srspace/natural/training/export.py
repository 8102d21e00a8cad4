"""Writes the averaged weights of a run as the model file that package natural reads, and their record."""
import argparse
import hashlib
import json
import pathlib
import time

import torch
from safetensors.torch import save_file

import data
import first_stage
import networks
import unet

MODEL, RECORD = "model.safetensors", "training.json"


def averages(path, name, network):
    state = torch.load(path, weights_only=False)
    with torch.no_grad():
        for p, w in zip(network.parameters(), state[name]["mean"]):
            p.copy_(w)
    return network.eval(), state


def load(folder):
    """The averaged networks; latents normalised by the first stage itself."""
    first, _ = averages(folder / "first_stage.pt", "first", networks.FirstStage())
    denoiser, state = averages(folder / "unet.pt", "unet", networks.UNet())
    mean, deviation = state["extra"]["mean"].flatten(), state["extra"]["deviation"]
    with torch.no_grad():  # the mean's half of quant_conv gives normalised latents, post_quant_conv takes them
        z = len(mean)
        first.quant_conv.weight[:z] /= deviation
        first.quant_conv.bias[:z] = (first.quant_conv.bias[:z] - mean) / deviation
        first.quant_conv.bias[z:] -= 2 * deviation.log()
        weight = first.post_quant_conv.weight
        first.post_quant_conv.bias += weight[:, :, 0, 0] @ mean
        weight *= deviation
    return first, denoiser


def config():
    f, u = networks.FIRST_STAGE, networks.UNET
    z = f["z_channels"]
    return dict(
        unet=dict(in_channels=z + 3, out_channels=z, model_channels=u["model_channels"], channel_mult=u["channel_mult"],
                  num_res_blocks=u["num_res_blocks"], attention_resolutions=u["attention_resolutions"],
                  num_head_channels=u["num_head_channels"], norm_num_groups=u["groups"], prediction="v"),
        first_stage=dict(in_channels=3, out_ch=3, ch=f["ch"], ch_mult=f["ch_mult"], num_res_blocks=f["num_res_blocks"],
                         z_channels=z, embed_dim=z, n_embed=0, norm_num_groups=f["groups"], no_mid_attention=True, residual=True),
        schedule=networks.SCHEDULE)


def tensors(first, denoiser):
    return ({f"first_stage_model.{k}": v for k, v in first.state_dict().items()}
            | {f"model.diffusion_model.{k}": v for k, v in denoiser.state_dict().items()})


def processor():
    """The name of the processor, where the system tells it."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return ""


def stage(path, learner, seed, batch, side):
    state = torch.load(path, weights_only=False)
    return dict(steps=state[learner]["steps"], batch=batch, hr_side=side, seed=seed, wall_seconds=round(state["trained"]),
                mean_losses_of_each_100_steps=state["losses"])


def record(folder, weights):
    """How the weights came to be."""
    lines = lambda name: [json.loads(line) for line in (folder / name).read_text().splitlines()] if (folder / name).exists() else []
    rows = [row for row in data.table("photographs.tsv") if row["use"] == "train"]
    return dict(
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), weights_sha256=weights, config=config(), torch=torch.__version__,
        processor=processor(), photographs_sha256={row["file"]: row["sha256"] for row in rows},
        text=f"{data.TEXT_PICTURES} rendered pictures, {data.TEXT_SHARE:.0%} of the patches; fonts Liberation and Go",
        first_stage=stage(folder / "first_stage.pt", "first", 1, first_stage.BATCH, first_stage.SIDE),
        unet=stage(folder / "unet.pt", "unet", 2, unet.BATCH, unet.SIDE),
        runs=lines("runs.jsonl"), measured_while_training=lines("measured.jsonl"))


def write(folder):
    dict_ = {k: v.half().contiguous() for k, v in tensors(*load(folder)).items()}
    part = folder / (MODEL + ".part")
    save_file(dict_, part, {"config": json.dumps(config())})
    part.replace(folder / MODEL)
    weights = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    part = folder / (RECORD + ".part")
    part.write_text(json.dumps(record(folder, weights), indent=1) + "\n")
    part.replace(folder / RECORD)
    return folder / MODEL


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("folder", type=pathlib.Path, help="what train.py --out named")
    print(write(p.parse_args().folder))
