"""The environments that builders work in, made once for all tests and kept between their runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.making import MakingTerms, made
from bitgauge.coordinator.environments.shelf import Ready, Shelf, shelf_folder

CACHE = Path(__file__).parents[2] / ".cache/bitgauge"


@pytest.fixture(scope="session")
def shelf() -> Shelf:
    return Shelf(shelf_folder(CACHE, os.environ))


@pytest.fixture(scope="session")
def environment(shelf: Shelf) -> Callable[[str], Ready]:
    """The environment of a name; skips where its packages cannot be had."""

    def ready(name: str) -> Ready:
        try:
            return made(definition(name), shelf, MakingTerms(), print)
        except Refused as error:
            if error.code is not Code.NO_ENVIRONMENT:
                raise
            pytest.skip(f"NOT RUN: {error.sentence}")

    return ready
