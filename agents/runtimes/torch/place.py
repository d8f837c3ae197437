"""Where programs are computed: on the processor, or on the card of NVIDIA that is the device.

A child of a card sees that card alone and a child of any other device none, so that what CUDA is
shown says which one this is (`devices.nvidia.variables`). On a card TF32 is off unless a row asks
for it: the library leaves it on for convolutions (DESIGN 11.1). What it does to sums of narrow
floats is left as the library has it, told, and probed (`accumulators`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.protocol.device_time import DeviceCall
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.session_options import EXECUTION
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption, StackItem

from .. import _cuda_queue
from ..base import Offer

CPU, CUDA = "cpu", "cuda"
VISIBLE = "CUDA_VISIBLE_DEVICES"
GRAPH = "cudagraph"
TF32, INPUTS, CACHE = "tf32", "inputs", "cache"
RESIDENT, COLD = "resident", "cold"
ON = "1"
_FIRST_WITH = {FormatFamily.FP8: (8, 9), FormatFamily.BF16: (8, 0), FormatFamily.INT8: (7, 5)}
"""Compute capabilities whose kernels multiply in a format (CUDA C++ programming guide)."""
_BUILT_FOR = re.compile(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_EXECUTIONS = RuntimeOption(
    EXECUTION,
    ("aoti", "compiled", GRAPH),
    "kernels made for the program, or all of its calls handed over at once",
)
_OPTIONS = (
    _EXECUTIONS,
    RuntimeOption(TF32, (ON,), "products of float32 with 10 bits of fraction, the reference never"),
    RuntimeOption(INPUTS, (RESIDENT,), "inputs and outputs stay on the card, no transfer is timed"),
    RuntimeOption(CACHE, (COLD,), "the card's own time with its last cache emptied before a call"),
)


def here(environment: Mapping[str, str] = os.environ) -> str:
    """Where this process computes."""
    return CUDA if environment.get(VISIBLE) else CPU


def built_for() -> str:
    """The version of CUDA that the library was built for, without importing it; "" for none."""
    found = find_spec("torch")
    if found is None or not found.origin:
        return ""
    try:
        text = Path(found.origin).with_name("version.py").read_text()
    except OSError:
        return ""
    said = _BUILT_FOR.search(text)
    return said.group(1) if said else ""


def offer(stack: Mapping[str, str], built: str | None = None) -> Offer:
    """What a card of this stack can be measured with; see `base.Traits`.

    Args:
        stack: of the device.
        built: what the library was built for, where that is known.
    """
    capability = stack.get("gpu.compute_capability")
    if not capability:
        return Offer()
    built = built_for() if built is None else built
    if not built:
        why = "PyTorch is installed for the processor alone; install its build for CUDA."
        return Offer(missing=(why,))
    return Offer(
        providers=(CUDA,),
        options=_OPTIONS,
        versions=(StackItem("torch.cuda", built),),
        without=families_missing(capability),
    )


def families_missing(capability: str) -> tuple[FormatFamily, ...]:
    """Formats that a card of this compute capability (``9.0``) has no products of."""
    major, _, minor = capability.partition(".")
    told = (int(major or 0), int(minor or 0)) if (major + minor).isdigit() else (0, 0)
    return tuple(family for family, first in _FIRST_WITH.items() if told < first)


class ComputePlace:
    """Where the programs of one session are.

    Args:
        device: `CPU` or `CUDA`.
        options: of the session, by name.
    """

    def __init__(self, device: str, options: Mapping[str, str]) -> None:
        self.device = device
        self.is_card = device != CPU
        self.resident = options.get(INPUTS) == RESIDENT
        self._cold = options.get(CACHE) == COLD
        self._tf32 = options.get(TF32) == ON

    def cards(self) -> Any:
        """The library's module for cards, which this place is one of."""
        return cuda()

    def moved(self, made: Any) -> Any:
        """A program of the library there."""
        if not self.is_card:
            return made
        from torch.export.passes import move_to_device_pass

        return move_to_device_pass(made, self.device)

    def there(self, tensors: Sequence[Any]) -> list[Any]:
        """Tensors of the host there; the same ones where the host computes."""
        return [one.to(self.device) for one in tensors] if self.is_card else list(tensors)

    def take_effect(self) -> None:
        """Gives the library this session's arithmetic."""
        if self.is_card:
            _allow_tf32(self._tf32)

    def under(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """A run under this session's arithmetic, whatever another session of the process has."""
        if not self.is_card:
            return run
        take_effect = self.take_effect

        def guarded(*tensors: Any) -> Any:
            take_effect()
            return run(*tensors)

        return guarded

    def wait(self) -> None:
        """Back when all that was handed over is done."""
        if self.is_card:
            cuda().synchronize()

    def timed(self, enqueue: Callable[[], None]) -> DeviceCall | None:
        """A call as the card times it; None where the host computes."""
        if not self.is_card:
            return None
        queue = _cuda_queue.CudaQueue(cuda())
        if not self._cold:
            return DeviceCall(enqueue, queue)
        flush = _cuda_queue.cache_flush(cuda(), self._bytes)
        return DeviceCall(enqueue, queue, flush, is_cold=True)

    def _bytes(self, size: int) -> Any:
        import torch

        return torch.empty(size, dtype=torch.uint8, device=self.device)

    def told(self) -> dict[str, str]:
        """What of it decides about kernels and times, for the raw file."""
        if not self.is_card:
            return {}
        import torch

        return {
            TF32: ON if self._tf32 else "0",
            INPUTS: RESIDENT if self.resident else "transferred",
            CACHE: COLD if self._cold else "warm",
            "card": str(cuda().get_device_name()),
            "cudnn benchmark": str(torch.backends.cudnn.benchmark),
            **sums(torch.backends.cuda.matmul),
        }

    def allocator_peak(self) -> dict[str, int]:
        """The most that the library's allocator took of the card, in bytes."""
        if not self.is_card:
            return {}
        return {
            "allocated": int(cuda().max_memory_allocated()),
            "reserved": int(cuda().max_memory_reserved()),
        }


def cuda() -> Any:
    """The library's module for cards."""
    import torch

    return torch.cuda


_tf32_now: list[bool] = []


def _allow_tf32(wanted: bool) -> None:
    """Sets the library's switches where they are not so already: two sessions may differ."""
    import torch

    if _tf32_now != [wanted]:
        torch.backends.cuda.matmul.allow_tf32 = wanted
        torch.backends.cudnn.allow_tf32 = wanted
        _tf32_now[:] = [wanted]


def sums(matmul: Any) -> dict[str, str]:
    """How products of narrow floats may be summed on a card, as the library has it now."""
    return {
        "fp16 reduced sums": str(matmul.allow_fp16_reduced_precision_reduction),
        "bf16 reduced sums": str(matmul.allow_bf16_reduced_precision_reduction),
        "fp16 accumulation": str(matmul.allow_fp16_accumulation),
    }


def no_memory() -> str:
    """Who holds the card's memory, as the end of a sentence; "" where that cannot be asked."""
    try:
        free, total = cuda().mem_get_info()
        return _cuda_queue.whose_memory(free, total, cuda().memory_reserved())
    except Exception:  # asked of a card that has just refused: what it raises now is no news
        return ""
