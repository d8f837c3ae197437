"""What is asked for by name: a recipe, and what executes it, as `RECIPE@RUNTIME`. Pure."""

from __future__ import annotations

from collections.abc import Callable

from .errors import BadInput, Code
from .recipes import Recipe, is_calibrated, parse

ALL = "all"
"""In place of a recipe: the usual ones."""
EVERY = "*"
"""In place of a runtime: each that there is."""
AT = "@"


def split_runtime(text: str) -> tuple[str, str]:
    """Recipe and runtime of ``RECIPE@RUNTIME``; no runtime: that of the reference."""
    recipe, _, runtime = text.partition(AT)
    return recipe.strip(), runtime.strip()


def at_runtime(recipe: str, runtime: str) -> str:
    """How both are spelled together; `split_runtime` is the way back."""
    return f"{recipe}{AT}{runtime}" if runtime else recipe


def canonical(text: str, read: Callable[[str], Recipe] = parse) -> str:
    """``RECIPE[@RUNTIME]``, or ``all@RUNTIME``, in its one spelling.

    Args:
        text: what was typed.
        read: reads a recipe.

    Raises:
        BadInput: BAD_RECIPE, the recipe is unknown or a runtime is named wrongly.
    """
    recipe, runtime = split_runtime(text)
    if AT in text and (not runtime or len(runtime.split()) > 1 or AT in runtime):
        raise BadInput(
            Code.BAD_RECIPE, f"{text.strip()!r} is not RECIPE@RUNTIME, such as fp16@{_EXAMPLE}."
        )
    if runtime == EVERY and recipe != ALL:
        raise BadInput(
            Code.BAD_RECIPE,
            f"Only {ALL}@{EVERY} means every runtime; give one for {recipe}, as in {recipe}@NAME.",
        )
    return at_runtime(recipe if recipe == ALL else str(read(recipe)), runtime)


def needs_calibration(text: str) -> bool:
    """Whether ``RECIPE[@RUNTIME]`` takes its scales from a calibration set."""
    return is_calibrated(split_runtime(text)[0])


_EXAMPLE = "litert"
