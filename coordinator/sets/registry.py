"""Finds the kind of a source of samples.

A new kind is one new file in `sources`, or in ``set_sources/`` below a folder of
``BITGAUGE_PLUGIN_PATH``.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common.plugins import Found, Kind, find
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .base import SetOptions, SourceKind, refused

_SOURCES = Kind("set_sources", ("WORDS", "takes", "read"), f"{__package__}.sources")


def found() -> Found:
    """Every kind, and one line for each file that was skipped."""
    return find(_SOURCES)


def source_of(path: Path, options: SetOptions) -> SourceKind:
    """The kind that takes `path`.

    Raises:
        BadInput: there is no such file, or no kind takes it; the sentence names what is taken.
    """
    if not path.exists():
        raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: No such file or directory.")
    if not (path.is_dir() or path.is_file()):
        raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: it is no plain file.")
    kinds = [cast(SourceKind, module) for module in found().modules.values()]
    taking = next((one for one in kinds if one.takes(path, options)), None)
    if taking is None:
        words = "; ".join(one.WORDS for one in kinds)
        raise refused(f"{path} is no source of samples. There can be: {words}.")
    return taking
