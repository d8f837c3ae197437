"""Files that commands write for people: whole or not at all, and never over another by chance."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code


def write_output(path: Path, data: bytes, *, force: bool) -> None:
    """Write `data` to `path` by way of a file beside it.

    Args:
        path: what to write; its folder must exist.
        data: all of it.
        force: replace a file that is there.

    Raises:
        BadInput: `BAD_ARGUMENT`, there is a file and `force` is not given, or the place cannot be
            written.
    """
    refuse_existing(path, force=force)
    aside = None
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        as_usual(Path(aside))
        Path(aside).replace(path)
    except OSError as error:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)
        raise BadInput(
            Code.BAD_ARGUMENT, f"{path} cannot be written: {error.strerror or error}."
        ) from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse a path that is taken, before any work is done for it.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if path.exists() and not force:
        raise BadInput(
            Code.BAD_ARGUMENT, f"{path} exists; give --force to replace it, or another -o FILE."
        )


def as_usual(path: Path) -> None:
    """A temporary file or folder is its owner's alone; let it be as readable as other new ones."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
