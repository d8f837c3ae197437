"""Files that survive a power cut, whole or not at all; errors of the disk as one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable

_NEW = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def opened_plain(path: Path, *, follow: bool = True) -> BinaryIO:
    """A file to read that ends: a pipe or a device is refused, and never waited for.

    Raises:
        OSError: it cannot be opened, is no plain file, or is a link while those do not `follow`.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no plain file", str(path))


@contextlib.contextmanager
def plain_file(path: Path, label: str = "") -> Iterator[BinaryIO]:
    """`opened_plain`, in one sentence when it cannot be.

    Args:
        path: of the file.
        label: how the sentence calls it; else by its path.

    Raises:
        BadInput: `FILE_UNREADABLE`.
    """
    try:
        file = opened_plain(path)
    except (OSError, ValueError) as error:  # a name with a null in it
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(Code.FILE_UNREADABLE, f"{label or path} cannot be read: {why}.") from error
    with file:
        yield file


def bounded_bytes(path: Path, limit_bytes: int, code: Code = Code.FILE_UNREADABLE) -> bytes:
    """All bytes of a plain file that may not be larger than `limit_bytes`.

    Args:
        path: of the file.
        limit_bytes: no more are read, whatever the file says of its size.
        code: of the error when there are more.

    Raises:
        BadInput: `FILE_UNREADABLE`, or `code`.
    """
    with plain_file(path) as file:
        try:
            data = file.read(limit_bytes + 1)
        except OSError as error:
            why = error.strerror or str(error)
            raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: {why}.") from error
    if len(data) > limit_bytes:
        raise BadInput(code, f"{path} is larger than {limit_bytes} bytes, which are taken at most.")
    return data


def open_own(path: Path, flag: int, mode: int = 0o600) -> int:
    """A descriptor of a file of ours to write, which is made when it is not there.

    Args:
        path: never followed when it is a link.
        flag: what else: `os.O_APPEND`, `os.O_EXCL`, `os.O_TRUNC`.
        mode: of a file that is made.

    Raises:
        OSError: it is a link, or cannot be opened.
    """
    return os.open(path, _NEW | flag, mode)


def open_made(path: Path, limit_bytes: int) -> int:
    """A descriptor to read a file that a process made which we do not trust.

    It is a plain file under one name, so it is not a file of somebody else's, and not a pipe that
    never ends.

    Raises:
        OSError: it is not there, is something else, or is larger than `limit_bytes`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise OSError(errno.EINVAL, "it is no file of its own", str(path))
        if facts.st_size > limit_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {limit_bytes} bytes", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_own(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes a file of ours, in place of one that is there; a link is never followed.

    Raises:
        OSError: it cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(open_own(path, os.O_EXCL, mode), "wb") as file:
        file.write(data)


def remove_tree(folder: Path) -> bool:
    """Removes a folder with everything in it; links are removed, not followed.

    A child may have taken its own rights away from folders, or nested them deeper than Python
    recurses; then the system's tools do it.

    Returns:
        Whether it is gone.
    """
    try:
        if folder.is_symlink():
            folder.unlink()  # chmod would follow it
        else:
            shutil.rmtree(folder)
    except FileNotFoundError:
        return True
    except (OSError, RecursionError):
        for command in (("chmod", "-R", "u+rwX"), ("rm", "-rf", "--one-file-system")):
            subprocess.run([*command, "--", str(folder)], capture_output=True, check=False)
    return not os.path.lexists(folder)


@contextlib.contextmanager
def on_disk(what: str, kind: type[BitgaugeError] = Unavailable) -> Iterator[None]:
    """Turn what a disk answers into one sentence.

    Args:
        what: begins the sentence, such as `While making a backup of /x`.
        kind: of the error; `Unavailable` for a coordinator, `Refused` for a device.

    Raises:
        BitgaugeError: of that kind, `DISK_FULL` or `STORE_IO`.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = error.strerror or str(error) or type(error).__name__
        named = str(error.filename) if error.filename is not None else ""
        where = f" ({named})" if named and named not in what else ""
        raise kind(Code.DISK_FULL if full else Code.STORE_IO, f"{what}: {why}{where}.") from error


# -- what survives a power cut ------------------------------------------------------------
def sync(path: Path) -> None:
    """Have the disk keep a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # A file system that keeps no names of its own refuses to sync a folder.
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def sync_folders(root: Path) -> None:
    """Have the disk keep every name below `root`."""
    for folder, _, _ in os.walk(root, topdown=False):
        sync(Path(folder))


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes a whole file that nobody else writes; what a crash left aside is written over.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    aside = path.with_name(path.name + ".new")
    if os.path.lexists(aside):
        aside.unlink()  # never through it: it may be a link
    with _aside(path, aside, mode) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path, mode: int = 0o666, *, first: bool = False) -> Iterator[BinaryIO]:
    """A file to write, which several may do at once: each appears whole, the last one stays.

    It lies beside `path` under a name of its own and takes its place when the block ends, with
    every byte on the disk; when the block raises it is gone, and what was there before stays.

    Args:
        path: where it appears.
        mode: of the file, from its first byte on, less the process's mask.
        first: never take the place of a file that is there: of two at once the first counts.

    Raises:
        FileExistsError: `first` is given and there is one.
        OSError: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _aside(path, aside, mode, first=first) as file:
        yield file


@contextlib.contextmanager
def _aside(path: Path, aside: Path, mode: int, *, first: bool = False) -> Iterator[BinaryIO]:
    """Write, sync, rename, sync: the order in which nothing is ever there by half."""
    descriptor = open_own(aside, os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        if first:
            os.link(aside, path)
        else:
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)
