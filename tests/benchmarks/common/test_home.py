"""Folders that are their owner's alone, and files of ours that are not followed elsewhere."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.files import (
    open_made,
    open_own,
    remove_tree,
    write_durably,
    write_own,
)
from bitgauge.benchmarks.common.home import private_folder, require_own
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

SOMEBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: giving a file to another user needs root")


def test_a_folder_is_made_closed_or_becomes_so(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert not private_folder(tmp_path / "a" / "b")
        (tmp_path / "open").mkdir(mode=0o777)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a" / "b") == 0o700
    assert private_folder(tmp_path / "open")
    assert mode(tmp_path / "open") == 0o700
    assert not private_folder(tmp_path / "open")


def test_a_folder_that_is_a_link_is_refused_unless_it_may_be_one(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(Refused, match="link is a link") as caught:
        private_folder(tmp_path / "link")
    assert caught.value.code is Code.PLANTED
    assert mode(real) == 0o755
    assert private_folder(tmp_path / "link", link=True)
    assert mode(real) == 0o700


@pytest.mark.parametrize("link", [False, True])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, link: bool) -> None:
    need_root()
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o777)
    os.chown(folder, SOMEBODY, SOMEBODY)
    (tmp_path / "mine").symlink_to(folder)
    for path in (folder, tmp_path / "mine"):
        with pytest.raises(Refused) as caught:
            private_folder(path, link=link)
        assert caught.value.code in (Code.NOT_OWNER, Code.PLANTED)
    planted = tmp_path / "state"
    planted.mkdir()
    (planted / "tokens").write_text("known to another")
    os.chown(planted / "tokens", SOMEBODY, SOMEBODY)
    with pytest.raises(Refused, match=f"tokens belongs to user {SOMEBODY}"):
        require_own([planted])
    (planted / "tokens").unlink()
    (planted / "blobs").symlink_to(tmp_path)
    os.lchown(planted / "blobs", SOMEBODY, SOMEBODY)
    with pytest.raises(Refused, match="blobs is a link"):
        require_own([planted])


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("plant", [a_link, a_pipe, a_socket])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_whatever_is_no_file_and_no_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Path], None], depth: int
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    folder = Path("state", *"abc"[:depth])
    folder.mkdir(parents=True)
    plant(folder / "planted")
    with pytest.raises(Refused, match="planted is") as caught:
        require_own([Path("state")])
    assert caught.value.code is Code.PLANTED
    (folder / "planted").unlink()
    require_own([Path("state"), Path("not there")])


def test_folders_that_others_may_write_to_are_closed_and_left_out_ones_unread(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    (tmp_path / "inner").mkdir(mode=0o777)
    os.umask(before)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to("/")
    require_own([tmp_path], besides=("work",))
    assert mode(tmp_path / "inner") == 0o700


def test_files_of_ours_are_never_written_through_a_link(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("sings")
    for name in ("a", "b", "b.new", "c"):
        (tmp_path / name).symlink_to(canary)
    os.link(canary, tmp_path / "hard")
    with pytest.raises(OSError, match="symbolic links"):
        open_own(tmp_path / "a", os.O_APPEND)
    write_durably(tmp_path / "b", b"new")
    write_own(tmp_path / "c", b"new")
    write_own(tmp_path / "hard", b"new")
    assert canary.read_text() == "sings"
    assert {(tmp_path / name).read_text() for name in ("b", "c", "hard")} == {"new"}
    assert mode(tmp_path / "b") == mode(tmp_path / "c") == 0o600


def test_only_a_plain_file_under_one_name_is_read_of_a_child(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 100)
    (tmp_path / "soft").symlink_to(secret)
    os.link(secret, tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "good").write_text("good")
    for name in ("soft", "hard", "pipe", "folder", "nothing"):
        with pytest.raises(OSError):  # noqa: PT011
            open_made(tmp_path / name, 1000)
    with pytest.raises(OSError, match="larger than 3 bytes"):
        open_made(tmp_path / "good", 3)
    with os.fdopen(open_made(tmp_path / "good", 4), "rb") as file:
        assert file.read() == b"good"


def test_removing_a_link_touches_nothing_behind_it(tmp_path: Path) -> None:
    behind = tmp_path / "behind"
    behind.mkdir()
    (behind / "file").write_text("stays")
    (behind / "file").chmod(0o400)
    (tmp_path / "link").symlink_to(behind)
    assert remove_tree(tmp_path / "link")
    assert not os.path.lexists(tmp_path / "link")
    assert mode(behind / "file") == 0o400
    # A child's folder in which every way out leads elsewhere.
    own = tmp_path / "own"
    own.mkdir()
    (own / "out").symlink_to(behind)
    own.chmod(0)
    assert remove_tree(own)
    assert subprocess.check_output(["cat", str(behind / "file")]) == b"stays"
    assert mode(behind / "file") == 0o400
