"""What agent and child say to each other."""

from __future__ import annotations

import pytest
from bitgauge.agents.spec import decode_event


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"kind": 3}', b"\xff\xfe", b'{"a": 1}'])
def test_what_is_no_event_is_ignored(line: bytes) -> None:
    assert decode_event(line) is None
