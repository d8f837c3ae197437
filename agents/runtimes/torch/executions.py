"""How a program is executed: as it is, compiled at load, or built ahead of time on the target.

Integer kernels exist only in compiled programs, and only where weights were frozen, which the
compiler does under `no_grad` alone and skips without a word elsewhere. So what was generated is
read for the names of their calls. A compiled program counts only when it answers as the eager one
does: a quantized convolution with a free batch compiles, is fast, and is wrong.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.exported.program import Program, TensorMeta
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

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
    "qconv": re.compile(r"_?qconv(?:2d|1d|3d)?_pointwise"),
    "qlinear": re.compile(r"_?qlinear_pointwise"),
    "int_mm": re.compile(r"_int_mm|int8pack_mm"),
}
_CALL = re.compile(r"(?:torch\.ops\.|aoti_torch_|= )[\w.]*?(_?(?:qconv\w*|qlinear)_pointwise)\w*")


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


def eager(made: Any) -> Any:
    """The program's own module, without the library's checks of inputs; see `session`."""
    module = made.module(check_guards=False)
    module._forward_pre_hooks.clear()
    return in_order(made, module)


class Compiled:
    """A program that is compiled when it meets sizes for the first time, and checked then.

    Attributes:
        told: seconds of compiling, integer kernels, the largest difference.
    """

    def __init__(self, plain: Any, program: Program) -> None:
        import torch

        require_compiler()
        _configure()
        torch._dynamo.reset()
        self._plain = plain
        self._program = program
        self._run = torch.compile(plain, fullgraph=True, dynamic=False, options={"freezing": True})
        self._known: set[tuple[Any, ...]] = set()
        self._seconds = 0.0
        self.told: dict[str, str] = {}

    def __call__(self, *tensors: Any) -> Any:
        """One call; before the first one of its sizes it is compiled and compared."""
        key = tuple(one.shape for one in tensors)
        if key not in self._known:
            self._learn(tensors)
            self._known.add(key)
        return self._run(*tensors)

    def _learn(self, tensors: Sequence[Any]) -> None:
        import torch

        with torch.no_grad():
            began = time.perf_counter()
            answered = self._run(*tensors)
            self._seconds += time.perf_counter() - began
            difference = largest_difference(self._plain(*tensors), answered)
        told = integer_kernels(generated(_folder()))
        refuse_wrong(difference, COMPILED, self._program)
        refuse_floats(told, self._program, COMPILED)
        self.told = facts(self._seconds, told, difference)


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


def integer_kernels(sources: Iterator[str]) -> dict[str, int]:
    """How many calls of integer kernels generated programs hold."""
    found = dict.fromkeys(_INTEGER_KERNELS, 0)
    for source in sources:
        for line in source.splitlines():
            if line.lstrip().startswith(("#", "//", "static", "extern")) or "(" not in line:
                continue
            for name, pattern in _INTEGER_KERNELS.items():
                found[name] += bool(pattern.search(line.partition("(")[0]))
    return found


def generated(folder: Path) -> Iterator[str]:
    """The programs that the compiler wrote below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".cpp") and path.is_file():
            yield path.read_text(errors="replace")


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


def _configure() -> None:
    """The compiler writes into a folder of this process, and starts no others to help it."""
    import torch._dynamo
    import torch._inductor.config as inductor

    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(_folder())
    inductor.compile_threads = 1
    inductor.freezing = True
    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.fail_on_recompile_limit_hit = True


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="bitgauge-torch-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
