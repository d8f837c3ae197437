"""One attacked lab for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lab import Attacked, attacked


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("attacked")) as made:
        yield made
