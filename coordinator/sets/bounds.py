"""What a source of samples may hold, and what becomes of it: counted before room is made."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.common.zip_directory import MAX_UNPACKED_BYTES
from bitgauge.benchmarks.quality.sets import MAX_SAMPLES

from .base import refused

MAX_IMAGE_BYTES = 64 << 20
"""Of one image file."""
MAX_PIXELS = 1 << 26
"""Of one image before it is cut to size: 64 megapixels."""
MAX_TABLE_BYTES = 256 << 20
"""Of a table's file, and of its texts together, written out."""
MAX_COLUMNS = 16_384
MAX_CELLS = 20_000_000
"""Of a table: separators and line breaks, in texts too."""
MAX_TEXT_FILE_BYTES = 4 << 20
"""Of one text."""
MAX_TOKENIZER_BYTES = 64 << 20
LONGEST_TOKENS = 32_768
"""Of one text, cut or filled up."""


def files_of(found: Iterable[Path], source: Path) -> list[Path]:
    """Files in a stable order; `BadInput` when there are more than a set may have samples."""
    files = list(islice(found, MAX_SAMPLES + 1))
    require_count(len(files), source)
    return sorted(files)


def require_count(count: int, source: Path) -> None:
    """Refuse more samples than a set may hold."""
    if count > MAX_SAMPLES:
        raise refused(f"{source} holds more than {MAX_SAMPLES} samples: draw some of them.")


def require_room(count: int, shape: Sequence[int], dtype: str, source: Path) -> None:
    """Refuse samples that would not fit into a set, before any of them is read."""
    size_bytes = count * prod(shape) * np.dtype(dtype).itemsize
    if size_bytes > MAX_UNPACKED_BYTES:
        raise refused(
            f"{source} would become {size_bytes} bytes, {MAX_UNPACKED_BYTES} are taken at most:"
            " draw some of its samples, or make each smaller."
        )


def require_file(path: Path, limit_bytes: int) -> None:
    """Refuse what is no plain file, and one that is too large, for libraries that open it."""
    try:
        found = path.stat()
    except OSError as error:
        raise refused(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise refused(f"{path} cannot be read: it is no plain file.")
    if found.st_size > limit_bytes:
        raise refused(f"{path} is larger than {limit_bytes} bytes, which are taken at most.")
