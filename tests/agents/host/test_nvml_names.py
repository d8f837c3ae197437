"""Every name, number and signature of NVML in our sources, against the published bindings.

By syntax alone, so that a wrong name cannot wait for a card.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.labs.nvml.cards import ROOT

HANDLED = ("own", "card", "change")
"""Calls that put a handle where the name of the function stands."""

NUMBERS = {
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN": 269,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN": 270,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN": 271,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP": 74,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST": 76,
    "NVML_FI_DEV_POWER_AVERAGE": 185,
    "NVML_FI_DEV_POWER_INSTANT": 186,
    "NVML_POWER_SCOPE_GPU": 0,
    "NVML_POWER_SCOPE_MODULE": 1,
    "NVML_POWER_SCOPE_MEMORY": 2,
    "NVML_CLOCK_LIMIT_ID_TDP": 0xFFFFFF01,
    "NVML_COMPUTEMODE_EXCLUSIVE_PROCESS": 3,
}
"""As the header of the driver has them; the library of ours answers to these numbers."""

MEMBERS = {
    "c_nvmlFieldValue_t": ("fieldId", "scopeId", "nvmlReturn", "valueType", "value"),
    "c_nvmlValue_t": ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal"),
    "c_nvmlMemory_t": ("total", "used"),
    "c_nvmlProcessInfo_v3_t": ("pid", "usedGpuMemory"),
    "nvmlPciInfo_t": ("busId",),
    "c_nvmlEventData_t": ("eventData",),
}
"""What is read of answers, by their structures."""


@pytest.fixture(scope="module")
def bindings() -> Any:
    return pytest.importorskip("pynvml", reason="NOT RUN: pip install 'bitgauge[nvidia]'")


OURS, CAPTURE = ROOT / "agents", ROOT / "tests" / "gpu"
BEGINNINGS = ("nvmlClocksEventReason", "nvmlDeviceGet")
"""Of many names."""


def asked(*folders: Path) -> Iterator[tuple[str, int | None]]:
    """Every name of NVML in our modules, and with how many arguments a function is asked."""
    for file in sorted(one for folder in folders for one in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if given and str(given[0]).startswith("nvml"):
                    if node.func.attr in HANDLED:
                        yield str(given[0]), len(node.args)
                    elif node.func.attr == "ask":
                        yield str(given[0]), len(node.args) - 1
            word = node.value if isinstance(node, ast.Constant) else ""
            word = node.attr if isinstance(node, ast.Attribute) else word
            if isinstance(word, str) and re.fullmatch(r"(nvml|NVML_)\w*[A-Za-z0-9]", word):
                yield word, None


def test_every_name_that_is_asked_is_there_and_takes_what_it_is_given(bindings: Any) -> None:
    found = set(asked(OURS, CAPTURE))
    assert {("nvmlDeviceGetFieldValues", 2), ("nvmlDeviceSetGpuLockedClocks", 3)} <= found
    members = {name for names in MEMBERS.values() for name in names}
    for name, count in found:
        if name in members or name in BEGINNINGS:
            continue
        function = getattr(bindings, name)
        if count is not None:
            inspect.signature(function).bind(*[None] * count)


def test_deprecated_names_are_not_asked(bindings: Any) -> None:
    source = inspect.getsource(bindings)
    words = re.findall(r"DEPRECATED[^\n]*\ndef (nvml\w+)", source)
    assert "nvmlDeviceSetApplicationsClocks" in words
    older = {"nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetClockInfo"}
    found = {name for name, _ in asked(OURS)} & {*words, *older}
    assert found == {"nvmlDeviceGetTemperature"}, "for drivers before its successor"


def test_numbers_are_those_of_the_header(bindings: Any) -> None:
    assert {name: getattr(bindings, name) for name in NUMBERS} == NUMBERS
    used = {
        name
        for name, _ in asked(OURS, CAPTURE)
        if name.startswith(("NVML_FI_", "NVML_POWER_SCOPE_"))
    }
    assert used <= set(NUMBERS), "whoever uses another states its number here"


@pytest.mark.parametrize(("structure", "members"), MEMBERS.items())
def test_what_is_read_of_an_answer_is_in_it(
    bindings: Any, structure: str, members: tuple[str, ...]
) -> None:
    there = {name for name, *_ in getattr(bindings, structure)._fields_}
    assert set(members) <= there
