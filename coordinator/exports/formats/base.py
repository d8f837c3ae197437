"""What a format of exports offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.table.file import TableFile


class Exporter(Protocol):
    """What every module of this folder offers, besides `base`, `registry` and `_*`.

    A module imports its library inside its functions, and says with `LIBRARY_MISSING` when it is
    not installed. Equal tables give equal bytes.

    Attributes:
        RANK: the highest is named first.
        ENDINGS: of file names, without the dot, besides the name of the module.
        IS_TEXT: whether it may go to a terminal.
        of_table: the whole table; None when that cannot be said in this format.
        of_records: everything about some runs; None as above.
    """

    RANK: int
    ENDINGS: tuple[str, ...]
    IS_TEXT: bool
    of_table: Callable[[TableFile], bytes] | None
    of_records: Callable[[Sequence[Record]], bytes] | None
