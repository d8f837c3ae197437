"""How GGUF stores the elements of a tensor: in blocks, each with scales of its own.

Numbers, names and sizes after `ggml.h` (`enum ggml_type`) and `ggml-common.h` (the blocks); a test
holds them against the `gguf` package.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorType:
    """One way of storing.

    Attributes:
        number: in a file.
        name: as llama.cpp prints it, in lower case.
        block: elements that are stored together; a row holds a whole number of blocks.
        size: bytes of a block.
    """

    number: int
    name: str
    block: int
    size: int

    @property
    def bits(self) -> float:
        """Bits of an element, scales included."""
        return 8 * self.size / self.block


TYPES = {
    one.number: one
    for one in (
        TensorType(0, "f32", 1, 4),
        TensorType(1, "f16", 1, 2),
        TensorType(2, "q4_0", 32, 18),
        TensorType(3, "q4_1", 32, 20),
        TensorType(6, "q5_0", 32, 22),
        TensorType(7, "q5_1", 32, 24),
        TensorType(8, "q8_0", 32, 34),
        TensorType(10, "q2_k", 256, 84),
        TensorType(11, "q3_k", 256, 110),
        TensorType(12, "q4_k", 256, 144),
        TensorType(13, "q5_k", 256, 176),
        TensorType(14, "q6_k", 256, 210),
        TensorType(16, "iq2_xxs", 256, 66),
        TensorType(17, "iq2_xs", 256, 74),
        TensorType(18, "iq3_xxs", 256, 98),
        TensorType(19, "iq1_s", 256, 50),
        TensorType(20, "iq4_nl", 32, 18),
        TensorType(21, "iq3_s", 256, 110),
        TensorType(22, "iq2_s", 256, 82),
        TensorType(23, "iq4_xs", 256, 136),
        TensorType(24, "i8", 1, 1),
        TensorType(25, "i16", 1, 2),
        TensorType(26, "i32", 1, 4),
        TensorType(27, "i64", 1, 8),
        TensorType(28, "f64", 1, 8),
        TensorType(29, "iq1_m", 256, 56),
        TensorType(30, "bf16", 1, 2),
        TensorType(34, "tq1_0", 256, 54),
        TensorType(35, "tq2_0", 256, 66),
        TensorType(39, "mxfp4", 32, 17),
    )
}
"""By their numbers; q8_1 and q8_K are of activations and never stored."""

FLOATS = ("f32", "f16", "bf16", "f64")
"""Types that quantize nothing."""
