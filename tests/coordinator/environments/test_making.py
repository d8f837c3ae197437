"""Environments made for real, of a wheel of a few bytes: whole or not at all, and once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.coordinator.decisions.steps import StepLimit
from bitgauge.coordinator.environments import making
from bitgauge.coordinator.environments.definition import Definition, definition
from bitgauge.coordinator.environments.interpreters import own
from bitgauge.coordinator.environments.making import Command, MakingTerms, in_environment, made
from bitgauge.coordinator.environments.shelf import Shelf, python_of

from tests.labs.environments import SCRIPT, from_closed_port, only_from, plugin_folder, wheel
from tests.labs.steps import maker

TERMS = MakingTerms()
QUICK = """
import os, sys
os.makedirs(sys.argv[1] + "/bin")
os.symlink(sys.executable, sys.argv[1] + "/bin/python")
open(sys.argv[1] + "/weights", "wb").write(bytes(1000))
"""
SLEEPS = "import os, time; open(os.environ['BEGUN'], 'w').close(); time.sleep(600)"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(os, "sync", lambda: None)  # what others write on this disk is not ours
    return Shelf(tmp_path / "environments")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Definition:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels)
    only_from(wheels, monkeypatch)
    plugins = plugin_folder(tmp_path / "plugins", SCRIPT, "tiny==1.0\n")
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(plugins))
    return definition("copies")


@pytest.fixture
def quick(tiny: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Definition:
    """Made of nothing but a link and 1000 bytes, without pip."""
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick/quick.py").write_text(QUICK)

    def commands(_: object, root: Path, __: object) -> list[Command]:
        return [Command(sys.executable, "quick", (str(root),), str(tmp_path / "quick"))]

    monkeypatch.setattr(making, "commands", commands)
    return tiny


@pytest.fixture
def sleepy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Making takes for ever; the file that is there once it has begun."""
    begun = tmp_path / "begun"
    (tmp_path / "sleepy").mkdir()
    (tmp_path / "sleepy/sleepy.py").write_text(SLEEPS)
    monkeypatch.setenv("BEGUN", str(begun))

    def commands(_: object, root: Path, __: object) -> list[Command]:
        root.mkdir()
        (root / "half").write_text("half")
        return [Command(sys.executable, "sleepy", (), str(tmp_path / "sleepy"))]

    monkeypatch.setattr(making, "commands", commands)
    yield begun
    assert not _sleepers(tmp_path)


def _sleepers(tmp_path: Path) -> list[int]:
    found = []
    for one in psutil.process_iter(["pid", "cmdline"]):
        if str(tmp_path / "sleepy") in (one.info["cmdline"] or []):
            found.append(one.info["pid"])
    return found


def until(what: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def remains(shelf: Shelf) -> list[str]:
    """What is on the shelf but logs and locks."""
    return sorted(
        one.name for one in shelf.folder.iterdir() if one.suffix != ".log" and one.name != ".locks"
    )


def test_it_is_made_once_and_holds_what_its_lock_names(tiny: Definition, shelf: Shelf) -> None:
    said: list[str] = []
    first = made(tiny, shelf, TERMS, said.append)
    assert made(tiny, shelf, TERMS, said.append).path == first.path
    assert said == ["making the builder environment copies"]
    assert first.path.name == f"copies-{tiny.made_with(own().line)}"
    assert (first.note.python, first.note.base) == (own().version, own().base)
    assert first.note.size_bytes > 1000
    asked = [
        str(python_of(first.path)),
        "-I",
        "-c",
        "import tiny, sys; print(tiny.VERSION, sys.path)",
    ]
    printed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("1.0 ")
    assert sys.prefix not in printed  # nothing of ours is seen there
    assert remains(shelf) == [first.path.name]
    assert shelf.all() == (shelf.found(first.path),)


def test_what_nobody_has_written_down_does_not_count(quick: Definition, shelf: Shelf) -> None:
    path = shelf.path(quick.name, quick.made_with(own().line))
    (path / "bin").mkdir(parents=True)
    (path / "bin/python").write_text("a stranger's")
    assert shelf.found(path) is None
    assert made(quick, shelf, TERMS).path == path
    assert (path / "bin/python").is_symlink()


@pytest.mark.child
def test_two_makers_at_once_make_one(tiny: Definition, shelf: Shelf) -> None:
    command = [sys.executable, "-m", maker.__name__, str(shelf.folder)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[0].splitlines() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert len({lines[-1] for lines in said}) == 1  # the moment when it was made
    assert sorted(lines[0] for lines in said) == [
        "making the builder environment copies",
        "waiting for the builder environment copies, which another process makes",
    ]
    assert len(shelf.all()) == 1


@pytest.mark.kill
def test_a_maker_that_is_killed_leaves_nothing_that_counts(
    tiny: Definition, shelf: Shelf, sleepy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            made(tiny, shelf, TERMS)
        finally:
            os._exit(1)
    until(sleepy.exists)
    assert _sleepers(tmp_path)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: not _sleepers(tmp_path))
    assert shelf.all() == ()
    assert [one.endswith(".making") for one in remains(shelf)] == [True]
    monkeypatch.undo()
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(tmp_path / "plugins"))
    only_from(tmp_path / "wheels", monkeypatch)
    assert remains(shelf) != [made(tiny, shelf, TERMS).path.name] * 2
    assert len(shelf.all()) == len(remains(shelf)) == 1


def test_whatever_interrupts_it_ends_what_it_started(
    tiny: Definition, shelf: Shelf, sleepy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = time.sleep

    def interrupted(seconds: float) -> None:
        pause(seconds)
        if sleepy.exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(tiny, shelf, TERMS)
    assert remains(shelf) == []


@pytest.mark.usefixtures("sleepy")
def test_it_has_a_limit_of_its_own(tiny: Definition, shelf: Shelf) -> None:
    with pytest.raises(Refused, match=r"copies could not be made: it took longer than 0\.5 s;"):
        made(tiny, shelf, MakingTerms(StepLimit(0.5)))
    assert remains(shelf) == []


def test_no_network_is_one_sentence(
    tiny: Definition, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_closed_port(tmp_path / "wheels", monkeypatch)
    with pytest.raises(Refused) as caught:
        made(tiny, shelf, TERMS)
    assert caught.value.code is Code.NO_ENVIRONMENT
    assert caught.value.sentence == (
        "The builder environment copies could not be made: pip found no tiny==1.0, for"
        " http://127.0.0.1:9/simple cannot be reached (connection refused);"
        " `bitgauge environments make copies` tries again."
    )
    assert remains(shelf) == []


def test_what_the_machine_s_index_has_not_is_looked_for_where_the_lock_says(
    tmp_path: Path, shelf: Shelf, tiny: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "else"
    (index / "tiny").mkdir(parents=True)
    path = wheel(index / "tiny", version="2.0")
    (index / "tiny/index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "wheels").as_uri())
    lock = f"# index {index.as_uri()}\ntiny==2.0\n"
    plugins = plugin_folder(tmp_path / "more", SCRIPT, lock)
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(plugins))
    assert made(definition("copies"), shelf, TERMS).note.size_bytes > 1000


def test_a_python_that_is_not_here_is_the_reason(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins = plugin_folder(tmp_path / "plugins", SCRIPT, "# python >=3.99\n")
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(plugins))
    with pytest.raises(Refused, match=r"its packages want Python >=3\.99, and no such python3\.N"):
        made(definition("copies"), shelf, TERMS)


@pytest.mark.parametrize("home", ["bin", "pyenv/versions/3.18.2/bin"], ids=["path", "pyenv"])
def test_another_python_is_taken(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """A program of that name that says it is newer; a shim that stands for nothing is passed by."""
    shims, newer = tmp_path / "bin", tmp_path / home
    answer = f"""echo '["{sys.executable}", "/opt/newer", "3.18.2"]'"""
    shim = "exit 127"
    for path, says in (
        (shims / "python3.19", shim),
        (shims / "python3.18", shim),
        (newer / "python3.18", answer),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{says}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}:{os.environ['PATH']}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    plugins = plugin_folder(tmp_path / "plugins", SCRIPT, "# python >=3.15\n")
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(plugins))
    note = made(definition("copies"), shelf, TERMS).note
    assert (note.python, note.base) == ("3.18.2", "/opt/newer")


class TestCap:
    """All environments together keep to a size."""

    @pytest.fixture
    def others(self, quick: Definition, shelf: Shelf) -> list[Path]:
        """Two that were made from other locks, the first not used for longer."""
        found = []
        for number in range(2):
            ready = made(quick, shelf, TERMS)
            path = shelf.path("other", f"{number:012}")
            note = ready.path / "environment.json"
            text = note.read_text().replace('"copies"', '"other"')
            note.write_text(text.replace(ready.note.digest, f"{number:012}"))
            ready.path.rename(path)
            os.utime(path / "environment.json", (number, number))
            found.append(path)
        return found

    def test_what_was_not_used_for_longest_goes(
        self, quick: Definition, shelf: Shelf, others: list[Path]
    ) -> None:
        size_bytes = shelf.all()[0].note.size_bytes
        most = MakingTerms(most_bytes=2 * size_bytes + size_bytes // 2)
        ready = made(quick, shelf, most)
        assert [one.exists() for one in others] == [False, True]
        assert remains(shelf) == sorted((ready.path.name, others[1].name))

    def test_what_is_in_use_stays(
        self, quick: Definition, shelf: Shelf, others: list[Path]
    ) -> None:
        size_bytes = shelf.all()[0].note.size_bytes
        most = MakingTerms(most_bytes=2 * size_bytes + size_bytes // 2)
        there = {one.path: one for one in shelf.all()}
        with shelf.used(there[others[0]]):
            assert not shelf.remove(there[others[0]])
            made(quick, shelf, most)
        assert [one.exists() for one in others] == [True, False]

    def test_one_that_alone_is_too_large_is_one_sentence(
        self, quick: Definition, shelf: Shelf, others: list[Path]
    ) -> None:
        with pytest.raises(Refused) as caught:
            made(quick, shelf, MakingTerms(most_bytes=1000))
        assert "and 0.0 MB are allowed (`bitgauge up --environments-limit`)" in str(caught.value)
        assert all(one.exists() for one in others)
        assert len(remains(shelf)) == 2


def test_who_works_in_one_keeps_it(quick: Definition, shelf: Shelf) -> None:
    with in_environment(quick, shelf, TERMS) as ready:
        assert not shelf.remove(ready)
        with in_environment(quick, shelf, TERMS) as same:  # and another may work beside it
            assert same.path == ready.path
    assert shelf.found(ready.path).used_unix_ns >= ready.used_unix_ns  # type: ignore[union-attr]
    assert shelf.remove(ready)
    assert remains(shelf) == []


def test_a_maker_that_waits_hears_a_cancellation(quick: Definition, shelf: Shelf) -> None:
    key = shelf.path(quick.name, quick.made_with(own().line)).name
    waiting = threading.Event()

    def waits(words: str) -> None:
        waiting.set()
        raise KeyboardInterrupt

    with shelf.held(key, alone=True) as held:
        assert held
        with pytest.raises(KeyboardInterrupt):
            made(quick, shelf, TERMS, waits)
    assert waiting.is_set()
