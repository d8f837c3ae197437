"""The raw files of a run as far as they can be read, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.errors import BitgaugeError, Code
from ..vocabulary.reasons import RAW_FILE_DAMAGED, RAW_FILE_MISSING
from ..vocabulary.values.runs import RawRef
from .container import RawFile, read_raw

T = TypeVar("T")
READ = "read"


@dataclass(frozen=True, slots=True, eq=False)
class FoundFile:
    """One raw file that a run names.

    Attributes:
        ref: what the run says of it.
        raw: its content in the role that the run gives it; None when it could not be read.
        problem: why not, a key of `reasons.REASONS`; "" when it was read.
        sentence: the same as a sentence; "" when it was read.
    """

    ref: RawRef
    raw: RawFile | None = None
    problem: str = ""
    sentence: str = ""

    @property
    def state(self) -> str:
        """`read`, or what is wrong."""
        return self.problem or READ


@dataclass(frozen=True, slots=True, eq=False)
class RawFiles:
    """All raw files of one run."""

    files: tuple[FoundFile, ...] = ()

    def of(self, pass_name: PassName, role: RawRole | None = None) -> tuple[FoundFile, ...]:
        """Files of a pass by launch; of one role when it is given."""
        found = (
            one
            for one in self.files
            if one.ref.pass_name is pass_name and role in (None, one.ref.role)
        )
        return tuple(sorted(found, key=lambda one: (one.ref.role.value, one.ref.launch)))

    def parsed(
        self, pass_name: PassName, role: RawRole, parse: Callable[[RawFile], T]
    ) -> tuple[T, ...]:
        """What `parse` makes of the files that hold what they should."""
        found = self.of(pass_name, role)
        return tuple(parse(one.raw) for one in found if one.raw is not None)

    def why_none(self, pass_name: PassName, otherwise: str) -> str:
        """Why nothing can be said from a pass: a file's problem, else `otherwise`."""
        problems = [one.problem for one in self.of(pass_name) if one.problem]
        return problems[0] if problems else otherwise


def collect(
    refs: tuple[RawRef, ...],
    fetch: Callable[[RawRef], bytes],
    parsers: Mapping[PassName, Callable[[RawFile], object]],
) -> RawFiles:
    """Read every raw file; none of them can end this.

    Args:
        refs: the raw files that a run names.
        fetch: the bytes of one; a `BitgaugeError` says why there are none.
        parsers: what proves that a file holds what its pass stores.
    """
    return RawFiles(tuple(_one(ref, fetch, parsers) for ref in refs))


def _one(
    ref: RawRef,
    fetch: Callable[[RawRef], bytes],
    parsers: Mapping[PassName, Callable[[RawFile], object]],
) -> FoundFile:
    try:
        raw = read_raw(fetch(ref))
        # A launch of the baseline is a candidate's launch in the run that made it.
        raw = replace(raw, meta={**raw.meta, "role": ref.role.value, "launch": ref.launch})
        if ref.pass_name in parsers:
            parsers[ref.pass_name](raw)
    except BitgaugeError as error:
        damaged = error.code in (Code.BAD_RAW, Code.DIGEST_MISMATCH)
        problem = RAW_FILE_DAMAGED if damaged else RAW_FILE_MISSING
        return FoundFile(ref, None, problem, error.sentence)
    return FoundFile(ref, raw)
