"""What `--recipes all` measures, by artifact kind."""

from __future__ import annotations

from .reading import parse
from .recipe import Recipe

_USUAL = {
    "onnx": (
        "fp32",
        "fp16",
        "int8-dynamic",
        "int8-static-u8s8-pc",
        "int8-static-s8s8-pc",
        "int8-static-u8u8-pt",
        "int8-static-u8s8-pc-rr",
        "int4-wo-b32",
    ),
    "tflite": (
        "fp32",
        "fp16",
        "int8-dynamic-s8s8-pc",
        "int8-static-s8s8-pc",
        "int8-static-s8s8-pc-io",
        "int8-static-s16s8-pc",
        "int8-wo-pc",
        "int4-wo-pc",
        "int4-dynamic-s8s4-pc",
        "int4-static-s8s4-pc",
    ),
    "pt2": (
        "fp32",
        "bf16",
        "fp16",
        "int8-dynamic-s8s8-pc",
        "int8-static-u8s8-pc",
        "int8-wo-pc",
        "int4-wo-b32",
        "fp8-wo-e4m3-pc",
    ),
}
"""`fp32` is the baseline itself and comes first, as entry 0 does."""


def default_recipes(kind: str) -> tuple[Recipe, ...]:
    """What `--recipes all` measures of artifacts of `kind`; nothing for a kind without a list.

    A recipe that this model or this machine does not take says why in its row.
    """
    return tuple(parse(text) for text in _USUAL.get(kind, ()))


DEFAULT_RECIPES: tuple[Recipe, ...] = default_recipes("onnx")
