"""What pip printed becomes one reason; each text was printed by pip 23.2 or 26.3."""

from __future__ import annotations

import pytest
from bitgauge.coordinator.environments.pip_said import not_found, why

CLOSED = """\
Looking in indexes: http://127.0.0.1:9/simple
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after \
connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at \
0x7f6f1c2b1e10>: Failed to establish a new connection: [Errno 111] Connection refused')': \
/simple/tiny/
ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: none)
ERROR: No matching distribution found for tiny==1.0
"""
NO_NAMES = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after \
connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object \
at 0x7f6f1c2b1e10>: Failed to establish a new connection: [Errno -3] Temporary failure in name \
resolution')': /simple/torch/
ERROR: No matching distribution found for torch==2.13.0+cpu
"""
ABSENT = """\
Looking in indexes: https://pypi.org/simple
ERROR: Could not find a version that satisfies the requirement torch==9.9 (from versions: 2.13.0)
ERROR: No matching distribution found for torch==9.9
"""
NO_ENSUREPIP = """\
Error: Command '['/x/bin/python3', '-m', 'ensurepip']' returned non-zero exit status 1.
"""
FULL = """\
Collecting tiny==1.0
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""


@pytest.mark.parametrize(
    ("printed", "module", "reason"),
    [
        (
            CLOSED,
            "pip",
            "pip found no tiny==1.0, for http://127.0.0.1:9/simple cannot be reached"
            " (connection refused)",
        ),
        (
            NO_NAMES,
            "pip",
            "pip found no torch==2.13.0+cpu, for https://pypi.org/simple cannot be reached"
            " (temporary failure in name resolution)",
        ),
        (ABSENT, "pip", "pip finds no torch==9.9 for this machine and its Python"),
        (
            FULL,
            "pip",
            "pip said: Could not install packages due to an OSError: [Errno 28] No space left on"
            " device",
        ),
        (
            NO_ENSUREPIP,
            "venv",
            "venv said: Error: Command '['/x/bin/python3', '-m', 'ensurepip']' returned non-zero"
            " exit status 1",
        ),
        ("", "pip", "pip said: it said nothing"),
    ],
)
def test_a_reason(printed: str, module: str, reason: str) -> None:
    assert why(printed, module) == reason


def test_another_index_is_asked_only_for_what_the_first_has_not() -> None:
    assert not_found(ABSENT)
    assert not not_found(FULL)
    assert not not_found(CLOSED)


def test_a_reason_is_short_and_harmless() -> None:
    reason = why("ERROR: \x1b[2J" + "x" * 10_000)
    assert len(reason) < 400
    assert "\x1b" not in reason
