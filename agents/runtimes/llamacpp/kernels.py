"""What the integer dot products of ggml do here (measurement.md D-1).

A product of one matrix is computed as a graph of ggml does it: it rounds activations to blocks of
32 codes with one scale (``q8_0``), and adds integer products within a block. Rows of the extremes
of these codes have a scale of exactly 1, as the weights are given, so that every answer of exact
arithmetic is a whole number that float32 holds. One row and several are computed by other kernels.
Only the probe's child imports this module.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_bool, c_int, c_int64, c_size_t, c_void_p

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.kernel_cases import Answer, Case, classify
from bitgauge.benchmarks.vocabulary.kernel_modes import EXACT, UNKNOWN

from .library import loaded_library

Codes = npt.NDArray[np.int64]

_BLOCK = 32
_F32, _Q4_0, _Q8_0 = 0, 2, 8  # ggml_type
_TOP = 127
_ROWS = (1, 2, 8)
_LENGTHS = (_BLOCK, 8 * _BLOCK)
_COLUMNS = 16
_ARENA_BYTES = 16 << 20


class InitParams(ctypes.Structure):
    """`ggml_init_params`."""

    _fields_ = (("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool))


_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "ggml_cpu_init": (None, ()),
    "ggml_init": (c_void_p, (InitParams,)),
    "ggml_free": (None, (c_void_p,)),
    "ggml_new_tensor_2d": (c_void_p, (c_void_p, c_int, c_int64, c_int64)),
    "ggml_nbytes": (c_size_t, (c_void_p,)),
    "ggml_get_data": (c_void_p, (c_void_p,)),
    "ggml_mul_mat": (c_void_p, (c_void_p, c_void_p, c_void_p)),
    "ggml_new_graph": (c_void_p, (c_void_p,)),
    "ggml_build_forward_expand": (None, (c_void_p, c_void_p)),
    "ggml_graph_compute_with_ctx": (c_int, (c_void_p, c_void_p, c_int)),
}


def q8_0(codes: Codes) -> bytes:
    """Codes (rows, K) of -128 to 127 as blocks of scale 1."""
    return _blocks(codes.reshape(-1, _BLOCK).astype(np.int8).view(np.uint8))


def q4_0(codes: Codes) -> bytes:
    """Codes (rows, K) of -8 to 7 as blocks of scale 1: two to a byte, half a block apart."""
    raised = (codes.reshape(-1, _BLOCK) + 8).astype(np.uint8)
    half = _BLOCK // 2
    return _blocks(np.asarray(raised[:, :half] | raised[:, half:] << 4, np.uint8))


def _blocks(packed: npt.NDArray[np.uint8]) -> bytes:
    scale = np.ones((len(packed), 1), "<f2").view(np.uint8)
    return np.concatenate([scale, packed], axis=1).tobytes()


_TYPES: dict[str, tuple[int, Callable[[Codes], bytes], int, int]] = {
    "q8_0": (_Q8_0, q8_0, -128, 127),
    "q4_0": (_Q4_0, q4_0, -8, 7),
}
"""Weights: number of the type, how codes are packed, the extremes of a code."""


def modes() -> dict[str, str]:
    """The mode of the dot products with each type of weights."""
    library = loaded_library()
    try:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError:  # a library of one's own may keep them to itself
        return {f"MUL_MAT.q8_0{name}.const": UNKNOWN for name in _TYPES}
    library.ggml_cpu_init()
    return {f"MUL_MAT.q8_0{name}.const": _mode(library, name) for name in _TYPES}


def _mode(library: ctypes.CDLL, name: str) -> str:
    """Four bits cannot saturate a sum of two in 16 bits: there exactness is all that is asked."""
    number, pack, low, high = _TYPES[name]
    answers = []
    for length in _LENGTHS:
        columns = np.tile([low, high], _COLUMNS // 2)[:, None].repeat(length, axis=1)
        for rows in _ROWS:
            a = np.resize([_TOP, -_TOP], rows)[:, None].repeat(length, axis=1)
            case = Case(a, columns.T)
            got = product(library, number, pack(columns), a)
            hypotheses = tuple(one.astype(np.float64) for one in case.hypotheses())
            answers.append(Answer(got, case.exact.astype(np.float64), hypotheses, tolerance=0.5))
    if all(one.is_exact().all() for one in answers):
        return EXACT
    return classify(answers)


def product(library: ctypes.CDLL, number: int, weights: bytes, a: Codes) -> npt.NDArray[np.float64]:
    """Activations (rows, K) times packed weights (columns, K), computed by ggml: (rows, columns).

    Raises:
        RuntimeError: ggml did not compute it.
    """
    rows, length = a.shape
    arena = library.ggml_init(InitParams(_ARENA_BYTES, None, False))
    try:
        held = library.ggml_new_tensor_2d(arena, number, length, _COLUMNS)
        given = library.ggml_new_tensor_2d(arena, _F32, length, rows)
        if library.ggml_nbytes(held) != len(weights):
            raise RuntimeError("ggml stores these weights in another number of bytes")
        ctypes.memmove(library.ggml_get_data(held), weights, len(weights))
        numbers = a.astype(np.float32).tobytes()
        ctypes.memmove(library.ggml_get_data(given), numbers, len(numbers))
        result = library.ggml_mul_mat(arena, held, given)
        graph = library.ggml_new_graph(arena)
        library.ggml_build_forward_expand(graph, result)
        if library.ggml_graph_compute_with_ctx(arena, graph, 1):
            raise RuntimeError("ggml did not compute the product")
        told = ctypes.string_at(library.ggml_get_data(result), 4 * rows * _COLUMNS)
        return np.frombuffer(told, np.float32).reshape(rows, _COLUMNS).astype(np.float64)
    finally:
        library.ggml_free(arena)
