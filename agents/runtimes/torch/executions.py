"""How a program is executed: as it is, compiled at load, or built ahead of time on the target.

Integer kernels exist only in compiled programs, and only where weights were frozen, which the
compiler does under `no_grad` alone and skips without a word elsewhere. So what was generated is
read for the names of their calls. A compiled program counts only when it answers as the eager one
does: a quantized convolution with a free batch compiles, is fast, and is wrong.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from bitgauge.benchmarks.common.exported.program import Program, TensorMeta
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .place import ComputePlace

EXECUTION = "execution"
"""The option; without it the program's module runs as it is."""
EAGER, COMPILED, AOTI = "eager", "compiled", "aoti"

_SEED = 20_261_130
_TOLERANCE = 0.1
"""Most that a compiled program may differ, as the norm of the difference to that of the answer.
Codes that are rounded to their other neighbour give 0.02; a kernel that is wrong gives 1."""
_FREE = (2, 5)
"""Sizes of a free axis with which answers are compared."""
_INTEGER_KERNELS = {
    "qconv": re.compile(r"qconv(?:\dd)?_pointwise[\w.]*\("),
    "qlinear": re.compile(r"qlinear_pointwise[\w.]*\("),
    "int_mm": re.compile(r"(?:_int_mm|int8pack_mm)[\w.]*\("),
}
_NO_CALLS = ("#", "//")

Run = Callable[..., Any]
"""A program: tensors in the order of its inputs, to what it returns."""


class Execution(Protocol):
    """One way of running a program.

    Attributes:
        told: what is known of how it was made.
    """

    told: dict[str, str]

    def ready(self, tensors: Sequence[Any]) -> Run:
        """What runs tensors of these sizes, made before the clock starts."""
        ...


class Eager:
    """The program's own module, without the library's checks of inputs; see `session`.

    Attributes:
        module: takes what the owner's function took.
    """

    def __init__(self, made: Any) -> None:
        module = made.module(check_guards=False)
        module._forward_pre_hooks.clear()
        self.module = module
        self._run: Run = in_order(made, module)
        self.told: dict[str, str] = {}

    def ready(self, tensors: Sequence[Any]) -> Run:
        """The module."""
        return self._run


def in_order(made: Any, module: Any) -> Any:
    """The module as a function of tensors in the order of its inputs, however they are nested."""
    import torch

    spec = made.call_spec.in_spec
    placed, named = (one.num_children for one in spec.children())
    names = spec.child(1).context
    if spec.num_leaves != placed + named:

        def nested(*tensors: Any) -> Any:
            args, kwargs = torch.utils._pytree.tree_unflatten(list(tensors), spec)
            return module(*args, **kwargs)

        return nested

    def by_name(*tensors: Any) -> Any:
        return module(*tensors[:placed], **dict(zip(names, tensors[placed:], strict=True)))

    return by_name if named else module


class Compiled:
    """A program that is compiled when it meets sizes for the first time, and checked then.

    Args:
        plain: the module, run as it is.
        program: what it declares.
        batch: samples per call that are asked for; it is compiled for them at once.
        place: where it is.
    """

    def __init__(self, plain: Run, program: Program, batch: int, place: ComputePlace) -> None:
        import torch

        require_compiler()
        configure()
        self._plain = plain
        self._program = program
        self._run: Run = torch.compile(
            plain, fullgraph=True, dynamic=False, options={"freezing": True}
        )
        self._known: set[tuple[Any, ...]] = set()
        self._seconds = 0.0
        self.told: dict[str, str] = {}
        self.ready(place.there(examples(program, batch)))

    def ready(self, tensors: Sequence[Any]) -> Run:
        """The compiled module; sizes that it has not met are compiled and compared."""
        key = tuple(one.shape for one in tensors)
        if key not in self._known:
            self._learn(tensors)
            self._known.add(key)
        return self._run

    def _learn(self, tensors: Sequence[Any]) -> None:
        import torch

        with torch.no_grad(), written_programs() as sources:
            began = time.perf_counter()
            answered = self._run(*tensors)
            self._seconds += time.perf_counter() - began
            difference = largest_difference(self._plain(*tensors), answered)
        kernels = integer_kernels(sources)
        refuse_wrong(difference, COMPILED, self._program)
        refuse_floats(kernels, self._program, COMPILED)
        self.told = facts(self._seconds, kernels, difference)


@contextlib.contextmanager
def written_programs() -> Iterator[list[str]]:
    """What the compiler writes meanwhile."""
    from torch._inductor.graph import GraphLowering

    sources: list[str] = []
    before = GraphLowering.save_output_code
    GraphLowering.save_output_code = sources.append
    try:
        yield sources
    finally:
        GraphLowering.save_output_code = before


def refuse_wrong(difference: float, execution: str, program: Program) -> None:
    """Refuses a compiled program that answers something else.

    Raises:
        Refused: it does, and what is known to help.
    """
    if difference <= _TOLERANCE:
        return
    free = any(low != high for one in program.inputs.values() for low, high in one.sizes)
    advice = (
        " The compiler is known to build quantized convolutions with a free batch wrongly: export"
        " it with a fixed batch."
        if free and quantized_products(program)
        else " Measure it eager."
    )
    raise Refused(
        Code.UNSUPPORTED_ARTIFACT,
        f"Execution {execution} answers {difference:.0%} off what the same program answers eager,"
        f" so that its time means nothing.{advice}",
    )


def refuse_floats(kernels: Mapping[str, int], program: Program, execution: str) -> None:
    """Refuses a quantized program of which nothing was built with integers.

    Raises:
        Refused: it computes in floating point between dequantized tensors, slower than without.
    """
    count = quantized_products(program)
    if count and not sum(kernels.values()):
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Execution {execution} built none of its {count} quantized products with an integer"
            " kernel on this device; they would be computed in floating point.",
        )


def facts(seconds: float, kernels: Mapping[str, int], difference: float) -> dict[str, str]:
    """What a session says of how it was compiled."""
    listed = ", ".join(f"{count} {name}" for name, count in kernels.items() if count)
    return {
        "compile seconds": f"{seconds:.2f}",
        "integer kernels": listed or "none",
        "difference to eager": f"{difference:.2g}",
    }


def quantized_products(program: Program) -> int:
    """Products whose activations the program quantizes and dequantizes just before them."""
    makers = {name: one.kind for one in program.operators for name in one.outputs}
    dequantized = "quantized_decomposed.dequantize_per_"
    products = re.compile(r"aten\.(?:conv\dd|convolution|linear|addmm|mm|bmm|matmul)\.")
    return sum(
        all(
            makers.get(names[0], "").startswith(dequantized)
            for name, names in one.inputs[:2]
            if names
        )
        for one in program.operators
        if products.match(one.kind)
    )


def integer_kernels(sources: Iterable[str]) -> dict[str, int]:
    """How many calls of integer kernels generated programs hold."""
    found = dict.fromkeys(_INTEGER_KERNELS, 0)
    for source in sources:
        for line in source.splitlines():
            if not line.lstrip().startswith(_NO_CALLS):
                for name, pattern in _INTEGER_KERNELS.items():
                    found[name] += bool(pattern.search(line))
    return found


def examples(program: Program, free: int) -> list[Any]:
    """Tensors that the program takes, the same at each call; `free` is the size of free axes."""
    import torch

    made = torch.Generator().manual_seed(_SEED)
    return [_example(one, free, made) for one in program.inputs.values()]


def _example(one: TensorMeta, free: int, generator: Any) -> Any:
    import torch

    sizes = [low if low == high else max(low, min(free, high or free)) for low, high in one.sizes]
    dtype = getattr(torch, one.dtype)
    if dtype.is_floating_point:
        return torch.rand(sizes, generator=generator).to(dtype)
    return torch.randint(0, 2, sizes, generator=generator).to(dtype)


def sizes_of_free_axes(program: Program) -> tuple[int, ...]:
    """With which sizes answers are compared: one where nothing is free."""
    free = any(low != high for one in program.inputs.values() for low, high in one.sizes)
    return _FREE if free else _FREE[:1]


def largest_difference(ours: Any, theirs: Any) -> float:
    """The largest over the outputs of the norm of the difference, to that of our answer."""
    import torch

    pairs = zip(
        torch.utils._pytree.tree_leaves(ours), torch.utils._pytree.tree_leaves(theirs), strict=True
    )
    worst = 0.0
    for our, their in pairs:
        a, b = our.double(), their.double()
        if a.shape != b.shape or not torch.equal(torch.isfinite(a), torch.isfinite(b)):
            return float("inf")
        finite = torch.isfinite(a)
        a, b = a[finite], b[finite]
        worst = max(worst, float((a - b).norm() / a.norm().clamp_min(1e-12)))
    return worst


def require_compiler() -> None:
    """Refuses where nothing compiles C++.

    Raises:
        Refused: there is no compiler.
    """
    named = os.environ.get("CXX", "g++")
    if not any(shutil.which(one) for one in (named, "g++", "clang++")):
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            "There is no compiler: executions compiled and aoti need g++ on the device; install"
            " it, or measure the program eager.",
        )


def configure() -> None:
    """The compiler writes into a folder of this process, and starts no others to help it."""
    import torch._dynamo
    import torch._inductor.config as inductor

    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(own_folder())
    inductor.compile_threads = 1
    inductor.freezing = True
    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.fail_on_recompile_limit_hit = True


@cache
def own_folder() -> Path:
    """Of this process, gone with it."""
    folder = tempfile.mkdtemp(prefix="bitgauge-torch-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
