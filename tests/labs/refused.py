"""What is refused, and how."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code


@contextlib.contextmanager
def refused(code: Code, *words: str) -> Iterator[None]:
    """An error of this code, in one line that has these words."""
    with pytest.raises(BitgaugeError) as caught:
        yield
    assert caught.value.code is code, caught.value
    assert "\n" not in caught.value.sentence
    for word in words:
        assert word in caught.value.sentence
