"""A file whole or not at all: the order of its steps, what a crash leaves, modes, and the disk."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.files import on_disk, sync, whole_file, write_durably
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable


def whole(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)


def first(path: Path, data: bytes) -> None:
    with whole_file(path, 0o600, first=True) as file:
        file.write(data)


WRITERS: dict[str, Callable[[Path, bytes], None]] = {
    "durably": write_durably,
    "whole": whole,
    "first": first,
}


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the disk, in order."""
    asked: list[str] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        asked.append(f"sync {kind}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    for name in ("replace", "link"):
        real = getattr(os, name)

        def named(*paths: object, real: Callable[..., None] = real) -> None:
            asked.append("name")
            real(*paths)

        monkeypatch.setattr(os, name, named)
    return asked


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_are_on_the_disk_before_the_name_and_the_name_after(
    name: str, tmp_path: Path, steps: list[str]
) -> None:
    WRITERS[name](tmp_path / "f", b"all of it")
    assert steps == ["sync file", "name", "sync folder"]
    assert (tmp_path / "f").read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("name", ["durably", "whole"])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_before_the_name_leaves_what_was_there(
    name: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"before")

    def crash(*_: object, **__: object) -> None:
        raise Crash

    monkeypatch.setattr(os, step, crash)
    monkeypatch.setattr(Path, "unlink", crash)  # a dead process tidies nothing up
    with suppress(Crash):
        WRITERS[name](path, b"half of")
    monkeypatch.undo()
    assert path.read_bytes() == b"before"
    assert len(os.listdir(tmp_path)) == 2
    WRITERS[name](path, b"after")
    assert path.read_bytes() == b"after"


def test_what_nobody_else_writes_leaves_one_file_aside_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        (tmp_path / "f.new").write_bytes(b"longer than what comes now")
        write_durably(tmp_path / "f", b"now")
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"now"


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with whole_file(tmp_path / "f") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert os.listdir(tmp_path) == []


def test_the_first_of_two_counts_and_the_second_leaves_nothing(tmp_path: Path) -> None:
    first(tmp_path / "f", b"one")
    with pytest.raises(FileExistsError):
        first(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["f"]


def test_of_many_at_once_each_is_whole(tmp_path: Path) -> None:
    texts = [bytes([65 + n]) * 50_000 for n in range(8)]
    threads = [threading.Thread(target=whole, args=(tmp_path / "f", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "f").read_bytes() in texts
    assert os.listdir(tmp_path) == ["f"]


def test_a_secret_is_its_owners_from_the_first_byte(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        seen = []
        with whole_file(tmp_path / "f", 0o600) as file:
            seen.append(os.fstat(file.fileno()).st_mode)
        write_durably(tmp_path / "g", b"", 0o600)
        whole(tmp_path / "h", b"")
        write_durably(tmp_path / "i", b"")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode for name in "fghi"]
    assert [stat.S_IMODE(mode) for mode in seen + modes] == [0o600, 0o600, 0o600, 0o644, 0o600]


def test_a_folder_that_cannot_be_synced_by_its_kind_is_let_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = errno.EINVAL

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    sync(tmp_path)
    (tmp_path / "f").touch()
    with pytest.raises(OSError, match="Invalid argument"):
        sync(tmp_path / "f")
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        sync(tmp_path)


@pytest.mark.parametrize("kind", [Refused, Unavailable])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, Code.DISK_FULL),
        (errno.EDQUOT, Code.DISK_FULL),
        (errno.EIO, Code.STORE_IO),
        (errno.EACCES, Code.STORE_IO),
    ],
)
def test_what_the_disk_answers_is_one_sentence(
    kind: type[BitgaugeError], number: int, code: Code
) -> None:
    def ask(*names: str) -> None:
        with on_disk("While asking /d", kind):
            raise OSError(number, os.strerror(number), *names)

    with pytest.raises(kind) as caught:
        ask()
    assert caught.value.code is code
    assert caught.value.sentence == f"While asking /d: {os.strerror(number)}."
    with pytest.raises(kind) as caught:
        ask("/d/f")
    assert caught.value.sentence == f"While asking /d: {os.strerror(number)} (/d/f)."
