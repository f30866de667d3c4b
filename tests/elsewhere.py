"""A device that is not there: tensors say that they are elsewhere, and compute here.

Torch gives them to the helpers as it would give those of a GPU. A tensor or generator that was made
on the CPU by mistake fails where it meets one of them, and so does NumPy.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

DEVICE = torch.device("meta")  # the one of which torch itself does not ask for hardware
CROSSING = {"to", "_to_copy", "copy_"}  # what moves numbers between devices
INDEXED = {"index", "index_put_"}  # on a GPU, indices may stay on the CPU


class Elsewhere(torch.Tensor):
    """A tensor of that device; `here` has its numbers."""

    @staticmethod
    def __new__(cls, here):
        told = dict(dtype=here.dtype, strides=here.stride(), storage_offset=here.storage_offset())
        return torch.Tensor._make_wrapper_subclass(cls, here.shape, device=DEVICE, **told)

    def __init__(self, here):
        self.here = here
        self.count(here.numel())

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return computed(operation, args, kwargs or {})


def computed(operation, args, kwargs):
    """What an operation gives, on the device that it names or on that of its tensors."""
    found, name = [], operation._opname
    tree_map_only(torch.Tensor, found.append, (args, kwargs))
    away = [tensor for tensor in found if isinstance(tensor, Elsewhere)]
    assert not any(type(x) is torch.Tensor and x.device == DEVICE for x in found), "not dispatched"
    there = kwargs.get("device")
    if name in CROSSING:
        there = there or args[0].device
    else:
        there = there or (DEVICE if away else None)
        met = (args[0], *args[2:]) if name in INDEXED else found
        if there == DEVICE and any(type(x) is torch.Tensor and x.dim() for x in met):
            raise RuntimeError(f"{operation}: a tensor on the CPU meets one elsewhere")
    args, kwargs = tree_map_only(Elsewhere, lambda x: x.here, (args, kwargs))
    result = operation(*args, **kwargs | ({"device": "cpu"} if "device" in kwargs else {}))
    if there != DEVICE:
        return result
    old = {id(x.here): x for x in away}  # what the operation changed in place
    return tree_map_only(
        torch.Tensor, lambda x: old[id(x)] if id(x) in old else Elsewhere(x), result
    )


class Dispatch(TorchDispatchMode):
    """Also for operations that make tensors of none."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return computed(operation, args, kwargs or {})


class Functions(TorchFunctionMode):
    """What torch does not dispatch."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if "generator" in kwargs:
            filled = isinstance(args[0], torch.Tensor) if args else False
            place, device = kwargs["generator"].device, kwargs.get("device", "cpu")
            device = args[0].device if filled else torch.device(device)
            if place != device:
                raise RuntimeError(f"{function}: a generator on {place} draws for {device}")
        if function in (torch.tensor, torch.as_tensor) and "device" in kwargs:
            device = kwargs.pop("device")
            return function(*args, **kwargs).to(device)
        if function is torch.Tensor.__getitem__ and isinstance(args[1], tuple):
            index = [torch.tensor(k, dtype=int) if isinstance(k, list) else k for k in args[1]]
            args = (args[0], tuple(index))
        if function is torch.Tensor.tolist:
            args = (args[0].cpu(),)
        return function(*args, **kwargs)


class Generator(torch.Generator):
    """A generator that says where it is."""

    def __new__(cls, device="cpu"):
        generator = super().__new__(cls)
        generator.place = torch.device(device)
        return generator

    @property
    def device(self):
        return self.place


@contextmanager
def elsewhere(count=lambda numbers: None):
    """In it helpers take the device "meta". `count` is told the size of every tensor made there."""
    with (
        mock.patch("helpers._require.device", lambda name, value: value),
        mock.patch("torch.Generator", Generator),
        mock.patch("torch.optim.adam._device_dtype_check_for_fused"),
        Functions(),
        Dispatch(),
        mock.patch.object(Elsewhere, "count", staticmethod(count), create=True),
    ):
        yield "meta"
