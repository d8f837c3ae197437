"""Whoever answers: a coordinator, a database file, an exported table.

All that a Python program needs in one import, with neither SQLite nor Ray behind it:

    from bitgauge.coordinator.client import Client, HardwareClass, ModelClass, SelectQuery

    with Client.connect() as client:
        choice = client.select(SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY))

A name is imported when it is first used, so that the command line does not wait for gRPC where
a file answers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.enums import (
        CellState,
        FormatFamily,
        HardwareClass,
        JobState,
        ModelClass,
        Objective,
        Profile,
        Role,
        Scenario,
    )
    from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
    from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry
    from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite
    from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
    from bitgauge.benchmarks.vocabulary.values.digests import Digest
    from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
    from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector, Workload
    from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
    from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

    from .client import Client

_VOCABULARY = "bitgauge.benchmarks.vocabulary"
_HOMES = (
    f"{_VOCABULARY}.enums",
    f"{_VOCABULARY}.errors",
    f"{_VOCABULARY}.values.audit",
    f"{_VOCABULARY}.values.campaigns",
    f"{_VOCABULARY}.values.choices",
    f"{_VOCABULARY}.values.digests",
    f"{_VOCABULARY}.values.history",
    f"{_VOCABULARY}.values.jobs",
    f"{_VOCABULARY}.values.rows",
    f"{_VOCABULARY}.values.runs",
    f"{__name__}.client",
)
__all__ = [
    "AuditEntry",
    "BitgaugeError",
    "CellState",
    "Choice",
    "Client",
    "Code",
    "CompareQuery",
    "Digest",
    "Entry",
    "FormatFamily",
    "HardwareClass",
    "HistoryQuery",
    "JobSpec",
    "JobState",
    "MetricValue",
    "ModelClass",
    "Objective",
    "Profile",
    "RefreshOrder",
    "Role",
    "Scenario",
    "SelectQuery",
    "Selector",
    "Suite",
    "TableQuery",
    "TableRow",
    "Workload",
]


def __getattr__(name: str) -> object:
    for home in _HOMES if name in __all__ else ():
        module = importlib.import_module(home)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
