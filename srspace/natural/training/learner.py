"""What both stages share: optimisation in bfloat16, the learning rate, averages and checkpoints."""
import json
import os
import pathlib
import time

import torch

DECAY = 0.25        # the last part of a stage's time, in which the rate falls to LOWEST
LOWEST = 0.02
WARM_STEPS = 100
SAVE_SECONDS = 120


class Learner:
    """A network in bfloat16 with float32 weights, AdamW and an exponential moving average."""

    def __init__(self, network, rate, betas=(0.9, 0.99), average=0.999):
        self.network, self.peak, self.average, self.step_count = network, rate, average, 0
        self.weights = [p.detach().clone() for p in network.parameters()]
        self.mean = [p.clone() for p in self.weights]
        # not fused: that one takes weights and gradients of different memory formats for equal ones
        self.optimizer = torch.optim.AdamW(self.weights, lr=rate, betas=betas, weight_decay=1e-4, foreach=True)
        network.to(torch.bfloat16, memory_format=torch.channels_last)
        self.half = list(network.parameters())

    def step(self, share):
        """Takes one step; share scales the peak learning rate."""
        for p, w in zip(self.half, self.weights):
            w.grad, p.grad = p.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * share * min(1, (self.step_count + 1) / WARM_STEPS)
        self.optimizer.step()
        self.step_count += 1
        decay = min(self.average, (1 + self.step_count) / (10 + self.step_count))
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, self.weights, 1 - decay)
            for p, w in zip(self.half, self.weights):
                p.copy_(w)

    def averaged(self, network):
        """Fills a float32 network with the averages."""
        with torch.no_grad():
            for p, w in zip(network.parameters(), self.mean):
                p.copy_(w)
        return network.eval()

    def state(self):
        return dict(weights=self.weights, mean=self.mean, optimizer=self.optimizer.state_dict(), steps=self.step_count)

    def restore(self, state):
        with torch.no_grad():
            for to, source in ((self.weights, state["weights"]), (self.mean, state["mean"]), (self.half, state["weights"])):
                for a, b in zip(to, source):
                    a.copy_(b)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_count = state["steps"]


def save(path, state):
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as f:
        torch.save(state, f)
        f.flush()
        os.fsync(f.fileno())
    part.replace(path)


class Stage:
    """The clock, the log and the checkpoints of a stage.

    The learning rate is constant and then falls linearly over the last DECAY of
    the stage's minutes. What the stage was before it fell is kept in a second
    file, from which a run with more minutes continues.
    """

    def __init__(self, folder, name, minutes, learners, patches):
        self.folder, self.name, self.seconds = pathlib.Path(folder), name, 60 * minutes
        self.learners, self.patches = learners, patches
        self.trained, self.kept_stable, self.extra, self.sums, self.losses = 0.0, False, {}, {}, []
        self.log = open(self.folder / f"{name}.log", "a", buffering=1)
        self.path, self.stable = self.folder / f"{name}.pt", self.folder / f"{name}-stable.pt"
        self.resume()
        self.tick = self.saved = time.monotonic()

    def say(self, *words):
        print(time.strftime("%H:%M:%S"), *words, file=self.log)

    def resume(self):
        state = torch.load(self.path, weights_only=False) if self.path.exists() else None
        if state and state["trained"] > (1 - DECAY) * state["seconds"] and state["seconds"] < self.seconds and self.stable.exists():
            state = torch.load(self.stable, weights_only=False)
        if not state:
            return
        for name, learner in self.learners.items():
            learner.restore(state[name])
        self.trained, self.extra, self.losses = state["trained"], state["extra"], state["losses"]
        self.kept_stable = state["trained"] > (1 - DECAY) * self.seconds
        self.patches.rng.bit_generator.state = state["numpy"]
        torch.set_rng_state(state["torch"])
        self.say("resumes after", self.steps, "steps,", f"{self.trained:.0f} s")

    @property
    def steps(self):
        return next(iter(self.learners.values())).step_count

    def state(self):
        return {name: learner.state() for name, learner in self.learners.items()} | dict(
            trained=self.trained, seconds=self.seconds, extra=self.extra, losses=self.losses,
            numpy=self.patches.rng.bit_generator.state, torch=torch.get_rng_state())

    def share(self):
        """Of the peak learning rate."""
        left = (self.seconds - self.trained) / (DECAY * self.seconds)
        return max(LOWEST, min(1.0, left))

    def running(self):
        """Says whether time is left; called once before each step."""
        now = time.monotonic()
        self.trained, self.tick = self.trained + now - self.tick, now
        if not self.kept_stable and self.trained > (1 - DECAY) * self.seconds:
            self.kept_stable = True
            save(self.stable, self.state())
        done = self.trained >= self.seconds
        if done or now - self.saved > SAVE_SECONDS:
            self.saved = now
            save(self.path, self.state())
        return not done

    def count(self, **losses):
        """Adds up losses and logs their means every 100 steps."""
        for k, v in losses.items():
            self.sums[k] = self.sums.get(k, 0.0) + float(v)
        if self.steps % 100 == 0:
            means = {k: round(v / 100, 5) for k, v in self.sums.items()}
            self.sums = {}
            self.losses.append(dict(step=self.steps, **means))
            self.say(f"step {self.steps} {self.trained:.0f} s", json.dumps(means))

    def measured(self, **figures):
        record = dict(stage=self.name, step=self.steps, seconds=round(self.trained), **figures)
        self.say("measured", json.dumps(record))
        with open(self.folder / "measured.jsonl", "a") as f:
            print(json.dumps(record), file=f)
