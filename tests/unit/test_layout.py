"""What keeps the tree, the package list, the contract and the documentation true."""

import ast
import re
import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.errors import CATALOGUE, Code
from bitgauge.benchmarks.metrics import METRICS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAPPED = ("agents", "benchmarks", "coordinator", "protos")
SOURCES = sorted(
    path for folder in MAPPED for path in (ROOT / folder).rglob("*.py") if "_pb2" not in path.name
)
GRPC_STATUSES = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNAVAILABLE",
    "INTERNAL",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
}


def test_package_list_is_the_tree() -> None:
    found = {
        ".".join(("bitgauge", *path.parent.relative_to(ROOT).parts))
        for folder in MAPPED
        for path in (ROOT / folder).rglob("__init__.py")
    }
