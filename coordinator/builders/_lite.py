"""LiteRT on this machine's CPU, to look at what was built; nothing is timed here.

As onnxruntime's `_sessions` beside it.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.quantizing import codes_of, numbers_of
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

Array = npt.NDArray[Any]


class LiteInterpreter:
    """One interpreter on one thread, called by the names of its signature, numbers in and out.

    Args:
        model: bytes of a file.
        as_it_stands: with its own kernels alone, and no delegate that takes pieces of the graph.
        tensors: keep every tensor, so that `values` has them.

    Raises:
        Refused: `RUNTIME_MISSING`, its package is not installed.
        Exception: it cannot load the model, or allocate what it needs; none of its own classes.
    """

    def __init__(self, model: bytes, *, as_it_stands: bool = False, tensors: bool = False) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError as error:
            raise Refused(
                Code.RUNTIME_MISSING,
                "What was built for LiteRT cannot be looked at without its package; install it"
                " with: pip install 'bitgauge[litert]'.",
            ) from error
        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with _quiet():
            self._interpreter = Interpreter(
                model_content=model,
                num_threads=1,
                experimental_op_resolver_type=kernels if as_it_stands else OpResolverType.AUTO,
                experimental_preserve_all_tensors=tensors,
            )
            self._interpreter.allocate_tensors()
        self._inputs, self._outputs = self._signature()

    def _signature(self) -> tuple[dict[str, int], dict[str, int]]:
        told: dict[str, Any] = self._interpreter._get_full_signature_list()
        for one in told.values():
            return dict(one["inputs"]), dict(one["outputs"])
        ins, outs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        return (
            {one["name"]: one["index"] for one in ins},
            {one["name"]: one["index"] for one in outs},
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Their names, in the signature's order."""
        return tuple(self._outputs)

    def signature(self) -> dict[str, tuple[str, ...]]:
        """Names of inputs and outputs."""
        return {"inputs": tuple(sorted(self._inputs)), "outputs": tuple(sorted(self._outputs))}

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """One call: the outputs as numbers."""
        details = {one["index"]: one for one in self._interpreter.get_input_details()}
        sizes = {at: feeds[name].shape for name, at in self._inputs.items()}
        if any(tuple(details[at]["shape"]) != size for at, size in sizes.items()):
            for at, size in sizes.items():
                self._interpreter.resize_tensor_input(at, size, strict=True)
            with _quiet():
                self._interpreter.allocate_tensors()
        for name, at in self._inputs.items():
            self._interpreter.set_tensor(at, _codes(details[at], feeds[name]))
        self._interpreter.invoke()
        told = {one["index"]: one for one in self._interpreter.get_output_details()}
        return {
            name: _numbers(told[at], self._interpreter.get_tensor(at))
            for name, at in self._outputs.items()
        }

    def computed(self) -> dict[str, int]:
        """Places of the tensors that operators make, by name, in the order of the graph."""
        told = {one["index"]: one["name"] for one in self._interpreter.get_tensor_details()}
        made = [at for one in self._interpreter._get_ops_details() for at in one["outputs"]]
        return {told[at]: int(at) for at in made if at in told}

    def values(self, places: Mapping[str, int]) -> dict[str, Array]:
        """Tensors of the last call as numbers, by the names that are given for their places."""
        told = {one["index"]: one for one in self._interpreter.get_tensor_details()}
        found = {}
        for name, at in places.items():
            with contextlib.suppress(ValueError):  # nothing has computed it
                found[name] = _numbers(told[at], self._interpreter.get_tensor(at))
        return found


def _codes(details: Mapping[str, Any], values: Array) -> Array:
    """What a tensor is to hold so that it stands for `values`."""
    scale, zero_point = details["quantization"]
    kind = np.dtype(details["dtype"])
    if kind.kind not in "iu" or not scale or values.dtype == kind:
        return np.ascontiguousarray(values, kind)
    return codes_of(values, kind, scale, zero_point)


def _numbers(details: Mapping[str, Any], held: Array) -> Array:
    """What a tensor stands for."""
    scale, zero_point = details["quantization"]
    coded = held.dtype.kind in "iu" and scale
    return numbers_of(held, scale, zero_point) if coded else held


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without its lines about delegates, and its advice about tensors that are kept."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
