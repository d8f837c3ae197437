"""A stranger's code in a background step: at every level that this machine has.

That another user's job goes on beside one is in `faults/test_endless.py`, which has a lab.
"""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.decisions.steps import End, Ending, StepLimit
from bitgauge.coordinator.tasks.nursery.nursery import Nursery
from bitgauge.coordinator.tasks.nursery.order import Order, Site
from bitgauge.coordinator.tasks.nursery.said import (
    MAX_ANSWER_BYTES,
    MAX_LOG_BYTES,
    MAX_TEXT,
    NotTaken,
    files_in,
)

from tests.bad_days.attacks import strangers
from tests.bad_days.attacks.strangers import DENIED, DONE, MIB
from tests.labs.steps import tempers as steps
from tests.labs.steps.nurseries import LEVELS, settled

LIMIT = StepLimit(20.0, 256 * MIB, 8 * MIB)


@dataclass(frozen=True)
class Steps:
    """A nursery at one level, beside somebody else's things."""

    level: str
    nursery: Nursery
    folder: Path
    state: Path
    given: Path
    coordinator: subprocess.Popen[bytes]
    port: int

    def raised(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return self.nursery.raised(Order(work, arguments, LIMIT, (self.given,)))

    def require_as_before(self) -> None:
        """Nothing is left of what was tried, and the next step goes on."""
        assert self.nursery.raised(Order(steps.doubled, (21,), LIMIT)) == 42
        (own,) = (one for one in psutil.Process().children() if one.pid != self.coordinator.pid)
        assert own.children() == []
        assert list(self.folder.iterdir()) == []
        assert self.coordinator.poll() is None
        assert (self.state / "token").read_text() == "secret"


@pytest.fixture(scope="module", params=LEVELS)
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Steps]:
    level, place = request.param, tmp_path_factory.mktemp(request.param)
    state, folder, given = place / "state", place / "steps", place / "given"
    state.mkdir()
    (state / "token").write_text("secret")
    given.write_text("a model")
    with socket.create_server(("127.0.0.1", 0)) as server:
        nursery = settled(Site(folder, level, (state,)))
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        coordinator = subprocess.Popen(command, env={"BITGAUGE_TOKEN": "secret"})
        port = server.getsockname()[1]
        yield Steps(level, nursery, folder, state, given, coordinator, port)
        nursery.end()
        coordinator.kill()
        coordinator.wait()


CONFINED = pytest.mark.parametrize("there", LEVELS[:2], indirect=True)


@CONFINED
def test_nothing_of_others_can_be_reached(there: Steps) -> None:
    token, pid = str(there.state / "token"), there.coordinator.pid
    socket_path = str(there.state / "socket")
    others = there.folder / "others"
    others.write_text("another's model")
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(socket_path)
        local.listen()
        found = {
            "token": there.raised(strangers.reads, token),
            "state": there.raised(strangers.lists, str(there.state)),
            "other steps": there.raised(strangers.reads, str(others)),
            "accounts": there.raised(strangers.reads, "/etc/passwd"),
            "store": there.raised(strangers.writes, str(there.state / "store.db")),
            "mode": there.raised(strangers.takes_over, token),
            "removal": there.raised(strangers.removes, token),
            "input": there.raised(strangers.opens, str(there.given)),
            "program": there.raised(strangers.opens, strangers.__file__),
            "network": there.raised(strangers.connects, there.port),
            "socket": there.raised(strangers.connects_to, socket_path),
            "coordinator": there.raised(strangers.ends, pid),
            "parent": there.raised(strangers.ends_its_parent),
            "nursery": there.raised(strangers.ends, psutil.Process().children()[0].pid),
            "trace": there.raised(strangers.traces, pid),
            "memory": there.raised(strangers.changes, pid),
            "environment": there.raised(strangers.environment_of, pid),
        }
    assert {name: said for name, said in found.items() if said not in DENIED} == {}
    assert there.raised(strangers.reads, str(there.given)) == DONE
    others.unlink()
    there.require_as_before()


@CONFINED
def test_no_right_can_be_gained(there: Steps) -> None:
    assert set(there.raised(strangers.gains_rights)) <= {"EPERM", "EINVAL"}
    there.require_as_before()


@CONFINED
def test_memory_that_is_nobodys_is_refused(there: Steps) -> None:
    assert set(there.raised(strangers.hides_memory)) <= {"EPERM", "ENOENT", "EACCES"}


@CONFINED
def test_it_inherits_no_secret(there: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its environment nor by a descriptor; its nursery has none to begin with."""
    monkeypatch.setenv("BITGAUGE_TOKEN", "secret")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    with Nursery(Site(there.folder, there.level)) as nursery:
        names = nursery.raised(Order(strangers.own_environment, (), LIMIT))
    assert "HOME" in names
    assert not [name for name in names if "TOKEN" in name]
    own = [path for path in there.raised(strangers.descriptors) if path.startswith("/")]
    allowed = ("/dev/null", "/proc/")
    assert all(path.startswith((str(there.folder), *allowed)) for path in own), own


@pytest.mark.parametrize(
    ("work", "end"),
    [
        (strangers.starts_without_end, End.PROCESSES),
        (strangers.fills_memory, End.MEMORY),
        (strangers.fills_the_disk_with_one, End.WRITTEN),
        (strangers.fills_the_disk_with_many, End.WRITTEN),
        (strangers.fills_the_disk_without_a_name, End.WRITTEN),
        (strangers.prints_without_end, End.WRITTEN),
    ],
)
def test_what_takes_all_is_stopped(there: Steps, work: Callable[..., Any], end: End) -> None:
    said = there.raised(work)
    assert (said.end, said.limit) == (end, LIMIT)
    assert len(said.trace) <= MAX_LOG_BYTES
    there.require_as_before()


def test_a_process_that_is_left_behind_is_ended(there: Steps) -> None:
    assert there.raised(strangers.leaves_a_process) == DONE
    there.require_as_before()


@pytest.mark.parametrize(
    ("work", "arguments", "end"),
    [
        (strangers.answers_with_a_link, ("/etc/passwd",), End.RESULT),
        (strangers.answers_with_a_pipe, (), End.RESULT),
        (strangers.answers_at_length, (MAX_ANSWER_BYTES + 1,), End.RESULT),
        (strangers.answers, (pickle.dumps(Ending(End.LOST)),), End.RESULT),
        (
            strangers.answers,
            (msgspec.msgpack.encode(("error", ("OSError", "x", "y"))),),
            End.RESULT,
        ),
        (strangers.answers, (msgspec.msgpack.encode(("value", "no number")),), End.RESULT),
        (strangers.answers, (msgspec.msgpack.encode(("value", float("nan"))),), End.RESULT),
        (strangers.answers, (msgspec.msgpack.encode(("value", [[]] * 99)),), End.RESULT),
        (strangers.answers, (b"\x92\xa5value" + b"\x91" * 5000 + b"\xc0",), End.RESULT),
        (strangers.answers, (b"",), End.RESULT),
    ],
)
def test_an_answer_is_taken_as_a_strangers(
    there: Steps, work: Callable[..., Any], arguments: tuple[Any, ...], end: End
) -> None:
    limit = StepLimit(20.0, 256 * MIB, 64 * MIB)
    said = there.nursery.raised(Order(work, arguments, limit), int)
    assert isinstance(said, Ending)
    assert said.end is end
    there.require_as_before()


def test_what_it_says_cannot_move_a_cursor_nor_fill_the_store(there: Steps) -> None:
    said = ("error", ("BadInput", "bad_model", "Bad\x1b[2J\n\u202emodel." + "x" * 9999))
    error = there.raised(strangers.answers, msgspec.msgpack.encode(said))
    assert isinstance(error, BadInput)
    assert error.sentence.startswith("Bad \\u202emodel.xxx")
    assert len(error.sentence) == MAX_TEXT
    trace = there.raised(
        strangers.answers, msgspec.msgpack.encode(("defect", "\x1b[2J" * 99))
    ).trace
    assert trace.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        *("link", "folder/passwd", "pipe", "twice", "large", "absent"),
        *("../answer", "/etc/passwd", "", ".", "\x1b[2J"),
    ],
)
def test_only_plain_files_that_were_named_are_results(there: Steps, name: str) -> None:
    limit = StepLimit(20.0, 256 * MIB, 2 << 30)
    order = Order(strangers.results, ("/etc/passwd",), limit)
    with there.nursery.step(order, list[str]) as (left, folder):
        assert len(left) == 7
        with pytest.raises(NotTaken):
            files_in(folder, ("artifact", name), 64 * MIB)
        assert files_in(folder, ("artifact",), 4)["artifact"].read_bytes() == b"mine"
        with pytest.raises(NotTaken, match="larger than 3 bytes"):
            files_in(folder, ("artifact",), 3)
