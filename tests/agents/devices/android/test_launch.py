"""The script that a phone runs for a child, run by the shell of this machine."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from bitgauge.agents.devices.android._ending import CommandEnd
from bitgauge.agents.devices.android._launch import on_phone, script
from bitgauge.agents.devices.android._shelf import RUN
from bitgauge.agents.spec import ChildSpec
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

CHILD = """
import os, sys
print("noise")
os.write(3, b"event\\n")
if os.read(4, 1) != b"\\n": sys.exit(3)
open("raw.npz", "wb").write(b"result")
os.write(3, b"done\\n")
assert os.getppid() == int(sys.argv[1]) and os.environ["MARK"] == "it's"
{end}
"""


@pytest.mark.parametrize(("end", "status"), [("", 0), ("os.kill(os.getpid(), 11)", 139)])
def test_a_child_talks_through_the_shell_and_its_end_is_told(
    tmp_path: Path, end: str, status: int
) -> None:
    (tmp_path / "child.py").write_text(CHILD.format(end=end))
    command = (sys.executable, str(tmp_path / "child.py"), "$$")
    text = script("word", command, "raw.npz", {"MARK": "it's"}, fixed=False)
    ending, lines = CommandEnd("word"), []
    with subprocess.Popen(
        ("sh", "-c", text.replace(RUN, str(tmp_path))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        assert shell.stderr is not None
        shell.stdin.write(b"\n")
        shell.stdin.flush()
        for line in shell.stdout:  # the connection stays until the end is told
            lines += ending.feed(line)
        shell.stdin.close()
        assert b"noise" in shell.stderr.read()
    assert [one for one in lines if one] == [b"event", b"done"]
    size, digest = "6", hashlib.sha256(b"result").hexdigest()
    assert (ending.status, ending.told[1:3]) == (status, (size, digest))


def test_a_child_ends_when_the_connection_breaks(tmp_path: Path) -> None:
    child = "import os, time; os.write(3, b'event\\n'); time.sleep(60)"
    text = script("word", (sys.executable, "-c", child), "raw.npz", {"MARK": "x"}, fixed=False)
    with subprocess.Popen(
        ("sh", "-c", text.replace(RUN, str(tmp_path))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"event\n"
        shell.stdin.close()
        ending = CommandEnd("word")
        ending.feed(shell.stdout.read())
    assert ending.status == 128 + 9


def test_a_launch_is_told_the_places_of_its_files_on_the_phone() -> None:
    spec = ChildSpec(
        *(PassName.QUALITY, 0, RawRole.CANDIDATE, ("onnxruntime",) * 2, Workload(), Profile.QUICK),
        *("int8", 1, ("a", "b"), ("/w/artifacts/0/a", "/w/artifacts/1/m.onnx"), "/c/e"),
        *("/w/child/raw.npz", 7, 8, "android", "R58M"),
        folders=("/w/artifacts/1",),
        plugins=("/p",),
        asked_ns=5,
    )
    told, places = on_phone(spec, "raw.npz")
    assert places == {
        "/w/artifacts/0": "artifacts/0",
        "/w/artifacts/1": "artifacts/1",
        "/c/e": "evaluation.npz",
    }
    assert told.paths == (f"{RUN}/artifacts/0/a", f"{RUN}/artifacts/1/m.onnx")
    assert told.folders == (f"{RUN}/artifacts/1",)
    assert (told.event_fd, told.ack_fd, told.unit, told.plugins, told.asked_ns) == (3, 4, "", (), 0)
    assert "/w/" not in msgspec.json.encode(told).decode()
