"""Inputs held against what a session takes, for libraries that would convert others unasked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.sets import InputSpec

    from .base import Feeds


def require_fitting(specs: Sequence[InputSpec], feeds: Feeds) -> None:
    """Refuse inputs of another type or size than the session takes.

    Raises:
        Refused: `RUN_FAILED`.
    """
    for spec in specs:
        given = feeds[spec.name]
        fits = len(given.shape) == len(spec.shape) and all(
            size in (None, there) for size, there in zip(spec.shape, given.shape, strict=True)
        )
        if given.dtype.name != spec.dtype or not fits:
            raise Refused(
                Code.RUN_FAILED,
                f"Input {spec.name!r} takes {_words(spec.dtype, spec.shape)}, not"
                f" {_words(given.dtype.name, given.shape)}.",
            )


def _words(dtype: str, shape: Sequence[int | None]) -> str:
    return f"{dtype}[{','.join('?' if size is None else str(size) for size in shape)}]"
