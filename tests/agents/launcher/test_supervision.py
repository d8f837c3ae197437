"""What is kept of a child's words."""

from __future__ import annotations

from bitgauge.agents.launcher.supervision import Log


def test_a_log_keeps_both_ends() -> None:
    log = Log(head_bytes=4, tail_bytes=4)
    for _ in range(3):
        log.feed(b"abcdefgh")
    assert log.text() == "abcd\n[16 bytes left out]\nefgh"
    short = Log()
    short.feed(b"all of it\n")
    assert (short.text(), short.tail()) == ("all of it\n", "all of it")
