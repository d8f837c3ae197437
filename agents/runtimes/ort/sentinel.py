"""The sentinel as an ONNX file: four products of (64, 256) with (256, 256), 33 million in all."""

from __future__ import annotations

import itertools
import struct

from . import encode

_ROWS, _WIDTH, _PRODUCTS = 64, 256, 4


def onnx_model() -> bytes:
    """The file. The weights are made at load: every product of ones is ones again."""
    sizes = encode.tensor(2, encode.INT64, struct.pack("<2q", _WIDTH, _WIDTH), b"shape")
    weight = encode.tensor(1, encode.FLOAT, struct.pack("<f", 1 / _WIDTH))
    names = [b"x", *(b"h%d" % at for at in range(1, _PRODUCTS)), b"y"]
    nodes = [
        encode.node(b"ConstantOfShape", (b"shape",), b"w", weight),
        *(
            encode.node(b"MatMul", (source, b"w"), target)
            for source, target in itertools.pairwise(names)
        ),
    ]
    return encode.model(b"sentinel", nodes, (_ROWS, _WIDTH), (sizes,))
