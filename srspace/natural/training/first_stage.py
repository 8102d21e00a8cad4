"""Trains the first stage."""
import time

import torch
import torch.nn.functional as F

import data
import figures
import networks
import resize
from learner import Learner, Stage

BATCH, SIDE = 8, 64
KL, LPIPS_WEIGHT, CONSISTENCY, ADVERSARIAL = 3e-4, 0.5, 0.5, 0.02
ADVERSARY_FROM = 0.3  # of the time; the discriminator alone learns for WARM_UP steps before
WARM_UP = 100
EVALUATE_SECONDS = 300


def train(options, photos, texts, lpips):
    torch.manual_seed(1)
    patches = data.Patches(photos, texts, SIDE, seed=1)
    network, judge = networks.FirstStage(), networks.Discriminator()
    learner = Learner(network, 1e-3, average=0.998)
    adversary = Learner(judge, 2e-4, betas=(0.5, 0.9))
    stage = Stage(options.out, "first_stage", options.first_minutes, dict(first=learner, adversary=adversary), patches)
    held = data.crops(options.kodak) if options.kodak else None

    def losses(hr, lr, noise):
        mean, log_variance = network.encode(hr, lr)
        out = network.decode(mean + (log_variance / 2).exp() * noise, lr)
        l1 = (out - hr).abs().mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        distance = lpips(out, hr).mean()
        consistency = (resize.down(out) - lr).abs().mean()
        return l1 + LPIPS_WEIGHT * distance + KL * kl + CONSISTENCY * consistency, out, l1, distance, kl

    def judged(out):
        return -judge(out).mean()

    def hinge(hr, out):
        return F.relu(1 - judge(hr)).mean() + F.relu(1 + judge(out)).mean()

    if options.compile:
        losses, judged, hinge = (torch.compile(f, dynamic=False) for f in (losses, judged, hinge))

    def evaluate():
        if held:
            averaged = learner.averaged(networks.FirstStage())
            with torch.no_grad():
                mean, log_variance = averaged.encode(*held)
                out = averaged.decode(mean, held[1])
            stage.measured(**figures.of(out, *held, lpips), latent_deviation=round(float(mean.std()), 3),
                           latent_noise=round(float((log_variance / 2).exp().mean()), 3))

    evaluated = time.monotonic()
    began = stage.steps
    while stage.running():
        hr, lr = patches.batch(BATCH)
        loss, out, l1, distance, kl = losses(hr, lr, torch.randn(BATCH, networks.FIRST_STAGE["z_channels"], SIDE // 4, SIDE // 4))
        adversarial = against = torch.zeros(())
        if stage.trained > ADVERSARY_FROM * stage.seconds:
            stage.extra["adversary_steps"] = stage.extra.get("adversary_steps", 0) + 1
            if stage.extra["adversary_steps"] > WARM_UP:
                judge.requires_grad_(False)
                adversarial = judged(out)
                loss = loss + ADVERSARIAL * adversarial
                judge.requires_grad_(True)
            against = hinge(hr, out.detach())
        loss.backward()
        learner.step(stage.share())
        if against.requires_grad:
            against.backward()
            adversary.step(1.0)
        stage.count(l1=l1.detach(), lpips=distance.detach(), kl=kl.detach(), adversarial=adversarial.detach(), against=against.detach())
        if time.monotonic() - evaluated > EVALUATE_SECONDS or stage.steps == began + 200:
            evaluate()
            evaluated = time.monotonic()
    evaluate()
    return learner.averaged(networks.FirstStage())
