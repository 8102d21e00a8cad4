"""Writes schedulers.json: trajectories of diffusers' schedulers over a network
that is a formula, for TestSchedulers, and the settings of the classes with their
defaults, for TestSchedulerKeys.

    python schedulers.py schedulers.json

Needs torch, diffusers 0.42.1 and scipy.
"""
import inspect, json, sys
import diffusers, torch

BASE = dict(beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear")
CLASSES = ["DDIMScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "PNDMScheduler", "LMSDiscreteScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"]
N, EACH = 2, 12  # samples, values of one


def number(i, k):
    return torch.sin(i * 1.7 + k * 2.3) * 1.5


INDEX = torch.arange(N * EACH, dtype=torch.float64)


def network(x, t):  # the predicted noise
    return (torch.tanh(0.8 * x.double()) + 0.3 * torch.cos(torch.tensor(t / 100.0, dtype=torch.float64) + INDEX.reshape(x.shape))).float()


def trajectory(name, config, steps, eta=0.0):
    scheduler = getattr(diffusers, name)(**{**BASE, **config})
    scheduler.set_timesteps(steps)
    if name != "DDIMScheduler":
        scheduler.set_begin_index(0)  # two steps may have one time step
    x = number(INDEX, 0).float().reshape(N, 3, 2, EACH // 6)
    for k, t in enumerate(scheduler.timesteps):
        out = network(x, int(t))
        noise = number(INDEX, k + 1).float().reshape(x.shape)
        more = {}
        if name == "DDIMScheduler":
            more = dict(eta=eta, variance_noise=noise if eta > 0 else None)
        elif config.get("algorithm_type", "").startswith("sde"):
            more = dict(variance_noise=noise)
        x = scheduler.step(out, t, x, **more).prev_sample
    assert torch.isfinite(x).all(), (name, config)
    saved = json.loads(scheduler.to_json_string().replace("-Infinity", '"-Infinity"'))
    return dict(config=saved, steps=steps, eta=eta, timesteps=[int(t) for t in scheduler.timesteps], x=[round(float(v), 6) for v in x.flatten()])


cases = []


def add(name, steps=(7, 20), etas=(0.0,), **config):
    for n in steps:
        for eta in etas:
            cases.append(trajectory(name, config, n, eta))


D, P, U = CLASSES[:3]
add(D, etas=(0.0, 1.0), clip_sample=False)
add(D)
for spacing in ["leading", "trailing", "linspace"]:
    for offset in [0, 1]:
        add(D, etas=(0.0, 0.5), clip_sample=False, timestep_spacing=spacing, steps_offset=offset, set_alpha_to_one=offset == 0)
add(D, etas=(1.0,), clip_sample_range=0.4)
add(D, clip_sample=False, thresholding=True, sample_max_value=1.5, dynamic_thresholding_ratio=0.8)
add(D, clip_sample=False, thresholding=True)
for schedule in ["linear", "squaredcos_cap_v2"]:
    add(D, clip_sample=False, beta_schedule=schedule)
    add(P, beta_schedule=schedule)
for algorithm in ["dpmsolver++", "sde-dpmsolver++"]:
    for order in [1, 2, 3]:
        for solver in ["midpoint", "heun"]:
            add(P, etas=(1.0 if "sde" in algorithm else 0.0,), algorithm_type=algorithm, solver_order=order, solver_type=solver)
for order in [1, 2, 3]:
    for solver in ["bh1", "bh2"]:
        add(U, solver_order=order, solver_type=solver, final_sigmas_type="sigma_min")
    add(U, solver_order=order)
    add(U, solver_order=order, lower_order_final=False, final_sigmas_type="sigma_min")
    add(P, solver_order=order, lower_order_final=False)
    add(P, solver_order=order, lower_order_final=False, final_sigmas_type="sigma_min")
add(U, disable_corrector=[0, 2, 3])
add(P, euler_at_final=True, final_sigmas_type="sigma_min")
for name in [P, U]:
    for spacing in ["leading", "trailing"]:
        for offset in [0, 1]:
            add(name, timestep_spacing=spacing, steps_offset=offset)
    for sigmas in ["karras", "exponential", "beta"]:
        add(name, **{f"use_{sigmas}_sigmas": True})
    add(name, thresholding=True, sample_max_value=1.5, dynamic_thresholding_ratio=0.8)
    add(name, final_sigmas_type="sigma_min", timestep_spacing="trailing")
add(P, use_lu_lambdas=True)
add(P, use_karras_sigmas=True, final_sigmas_type="sigma_min")
add(P, use_karras_sigmas=True, beta_schedule="squaredcos_cap_v2")
add(P, lambda_min_clipped=-3.0)
add(P, lambda_min_clipped=-3.0, timestep_spacing="trailing")
add(U, use_karras_sigmas=True, sigma_min=0.05, sigma_max=20.0)

defaults = {}
for name in CLASSES:
    parameters = inspect.signature(getattr(diffusers, name).__init__).parameters
    defaults[name] = {k: ("-Infinity" if p.default == float("-inf") else p.default) for k, p in parameters.items() if k != "self"}
with open(sys.argv[1], "w") as f:
    json.dump(dict(diffusers=diffusers.__version__, defaults=defaults, cases=cases), f, separators=(",", ":"))
print(len(cases), "trajectories")
