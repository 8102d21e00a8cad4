# Writes the torch files that torch_test.go reads; run with PyTorch 1.13.1:
#   python3 make_torch_files.py
# Element i of a tensor counted in row-major order is (7 i mod 23 - 11) / 4, which
# all floating-point types hold exactly; integer types hold 4 times that.
import collections, sys, types
import numpy, torch


def values(*shape, dtype=torch.float32):
    n = int(numpy.prod(shape, dtype=int))
    v = (torch.arange(n) * 7 % 23 - 11).to(torch.float64)
    if dtype.is_floating_point:
        v = v / 4
    return v.reshape(shape).to(dtype)


def state():
    big = torch.full((100,), 9.0)
    big[10:22] = values(3, 4).reshape(-1)
    base = torch.full((4, 3), 9.0)
    base.copy_(values(3, 4).t())  # so that its transpose is values(3, 4)
    shared = values(5, 6)
    return collections.OrderedDict(
        float32=values(2, 3, 5), half=values(7, dtype=torch.float16), bfloat16=values(9, dtype=torch.bfloat16),
        float64=values(2, 2, dtype=torch.float64), int64=values(4, dtype=torch.int64), int32=values(4, dtype=torch.int32),
        int16=values(4, dtype=torch.int16), int8=values(4, dtype=torch.int8),
        uint8=values(40, dtype=torch.int64).abs().to(torch.uint8), bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), offset=big[10:22].reshape(3, 4), transposed=base.t(),
        shared_a=shared[1:3], shared_b=shared[:, 2], expanded=values(3).expand(4, 3), parameter=torch.nn.Parameter(values(3)),
    )


# a class that no reader has, as Lightning's callbacks in a checkpoint
module = types.ModuleType("some_trainer.callbacks")
sys.modules["some_trainer"] = types.ModuleType("some_trainer")
sys.modules["some_trainer.callbacks"] = module
Checkpointer = type("Checkpointer", (), {"__module__": "some_trainer.callbacks"})
module.Checkpointer = Checkpointer
Settings = type("Settings", (dict,), {"__module__": "some_trainer.callbacks"})
module.Settings = Settings


class Command:
    def __reduce__(self):  # what a hostile file would do
        import os
        return os.system, ("touch executed",)


def lightning(state):
    callback = Checkpointer()
    callback.path, callback.best = "last.ckpt", numpy.float64(0.25)
    return {
        "epoch": 3, "global_step": 10**12, "pytorch-lightning_version": "1.4.2", "state_dict": state,
        "callbacks": {Checkpointer: callback, "x": numpy.arange(3)}, "big": 3**100, "negative": -(3**100),
        "hyper_parameters": {"unet_config": {"params": {"channel_mult": [1, 2], "num_head_channels": 16}}, "rate": 1e-6},
        "settings": Settings(a=1), "hostile": Command(), "set": {1, 2}, "bytes": b"\x00\xff", "none": None,
    }


s = state()
torch.save(lightning(s), "lightning.ckpt")
torch.save(s, "flat.pth")
torch.save(lightning(s), "legacy.ckpt", _use_new_zipfile_serialization=False)
torch.save(s, "legacy_flat.pth", _use_new_zipfile_serialization=False)
torch.save({"model": dict(s), "epoch": 1}, "protocol4.pth", pickle_protocol=4)
torch.save({"model": dict(s), "epoch": 1}, "protocol1.pth", pickle_protocol=1)
torch.save(torch.nn.Linear(2, 2), "module.pth")

# state dicts inside dicts, arrays instead of tensors, several dicts
import numpy
torch.save({"epoch": 1, "model": {"state_dict": {"module.a.weight": torch.arange(6.).reshape(2, 3)}}, "optimizer": {"lr": 0.1}}, "nested.pt")
torch.save({"state_dict": {"a.weight": numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "b": numpy.zeros(2, numpy.float32)}}, "numpy.pt")
torch.save({"one": {"a": torch.zeros(1)}, "two": {"a": torch.zeros(1)}}, "several.pt")
