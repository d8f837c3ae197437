"""Files that survive a power cut, whole or not at all; errors of the disk as one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..vocabulary.errors import Code, Refused


def remove_tree(folder: Path) -> bool:
    """Removes a folder with everything in it; links are removed, not followed.

    A child may have taken its own rights away from folders, or nested them deeper than Python
    recurses; then the system's tools do it.

    Returns:
        Whether it is gone.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return True
    except (OSError, RecursionError):
        for command in (("chmod", "-R", "u+rwX"), ("rm", "-rf", "--one-file-system")):
            subprocess.run([*command, "--", str(folder)], capture_output=True, check=False)
    return not folder.exists()


@contextlib.contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn what the device's disk answers into one sentence.

    Raises:
        Refused: `DISK_FULL` or `STORE_IO`.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = error.strerror or type(error).__name__
        raise Refused(
            Code.DISK_FULL if full else Code.STORE_IO, f"{path} on the device: {why}."
        ) from error


def sync(path: Path) -> None:
    """Have the disk keep a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Writes a whole file so that after a crash it is there complete or not at all."""
    partial = path.with_name(path.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync(path.parent)
