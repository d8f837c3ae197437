"""Which columns of a weight matter: the mean square of what is multiplied with each, over texts.

As llama.cpp's own `imatrix` tool does it (`tools/imatrix/imatrix.cpp`), on the library's graph: a
callback sees the inputs of every product of a weight with what is computed, before the next one.
"""

from __future__ import annotations

import ctypes
from typing import Any

import library
import numpy as np

_FLOAT = 0  # ggml_type of float32
_PLAIN, _OF_EXPERTS = "MUL_MAT", "MUL_MAT_ID"


class Observer:
    """Sums of squares of the inputs of each weight, by its name.

    Attributes:
        sums: (matrices, columns) float64; one matrix, or one for each expert.
        counts: (matrices,) rows that were multiplied.
    """

    def __init__(self, loaded: library.Library) -> None:
        self._library = loaded
        self.sums: dict[str, Any] = {}
        self.counts: dict[str, Any] = {}
        self.problem = ""
        self.callback = library.EvalCallback(self._asked)

    def _asked(self, node: Any, ask: bool, _: Any) -> bool:
        try:
            one = node.contents
            kind = self._library.operator(one)
            if kind not in (_PLAIN, _OF_EXPERTS):
                return not ask
            weight, given = one.src[0].contents, one.src[1].contents
            name = weight.name.decode()
            if not name.startswith("blk.") or given.type != _FLOAT:
                return not ask
            if not ask:
                self._take(kind, name, weight, given, one)
        except Exception as error:  # nothing may be raised through the library
            self.problem = self.problem or f"{type(error).__name__}: {error}"
        return True

    def _take(self, kind: str, name: str, weight: Any, given: Any, node: Any) -> None:
        columns = int(weight.ne[0])
        matrices = int(weight.ne[2])
        sums = self.sums.setdefault(name, np.zeros((matrices, columns)))
        counts = self.counts.setdefault(name, np.zeros(matrices, np.int64))
        values = strided(given, np.float32)  # (3, 2, 1, columns)
        squares = np.square(values.astype(np.float64))
        if kind == _PLAIN:
            for at in range(squares.shape[1]):
                sums[at % matrices] += squares[:, at].sum(axis=(0, 1))
                counts[at % matrices] += squares.shape[0] * squares.shape[2]
            return
        chosen = strided(node.src[2].contents, np.int32)[0, 0]  # (tokens, experts of each)
        for token, experts in enumerate(chosen):
            for at, expert in enumerate(experts):
                sums[expert] += squares[0, token, at % squares.shape[2]]
                counts[expert] += 1

    def matrix(self) -> dict[str, Any]:
        """Mean squares by name, float32; ones of an expert that no text reached."""
        found = {}
        for name, sums in self.sums.items():
            counts = self.counts[name][:, None]
            means = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
            found[name] = np.ascontiguousarray(means.reshape(-1), np.float32)
        return found

    def unreached(self) -> list[str]:
        """Experts that no text reached, as ``NAME[number]``."""
        return [
            f"{name}[{at}]"
            for name, counts in sorted(self.counts.items())
            for at in np.flatnonzero(counts == 0)
        ]


def strided(tensor: Any, kind: Any) -> Any:
    """The values of a tensor in memory, outermost axis first; valid while it is looked at."""
    sizes = [int(one) for one in tensor.ne][::-1]
    steps = [int(one) for one in tensor.nb][::-1]
    extent = (
        sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
        + np.dtype(kind).itemsize
    )
    memory = (ctypes.c_char * extent).from_address(tensor.data)
    return np.ndarray(sizes, kind, memory, strides=steps)


def entries(matrix: dict[str, Any]) -> Any:
    """The array that the quantizer takes, its last entry empty; it points into `matrix`."""
    names = sorted(matrix)
    array = (library.Importance * (len(names) + 1))()
    for entry, name in zip(array, names, strict=False):
        values = matrix[name]
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    return array
