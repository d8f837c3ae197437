"""Files that commands write for people: whole or not at all, and never over another by chance."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code


def write_output(path: Path, data: bytes, *, force: bool) -> None:
    """Write `data` to `path`; a device or a folder is never replaced.

    Its folder must exist; `force` replaces a file that is there.

    Raises:
        BadInput: `BAD_ARGUMENT`, there is a file and `force` is not given, or the place cannot be
            written.
    """
    refuse_existing(path, force=force)
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
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
    if path.exists() and not path.is_file():
        raise BadInput(
            Code.BAD_ARGUMENT, f"{path} cannot be written: it is there and is no ordinary file."
        )
