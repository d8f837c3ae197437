"""The raw files of a run as far as they can be read, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.errors import BadInput, BitgaugeError, Code
from ..vocabulary.reasons import RAW_FILE_DAMAGED, RAW_FILE_MISSING
from ..vocabulary.values.runs import MAX_RAW_FILE_BYTES, RawRef
from .container import RawFile, RunReader

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
    reader = RunReader()
    return RawFiles(tuple(_one(reader, ref, fetch, parsers) for ref in refs))


def in_role(raw: RawFile, ref: RawRef) -> RawFile:
    """`raw` in the role that its run gives it.

    A launch of the baseline is a candidate's launch in the run of entry 0, which made it, and
    the baseline's in every other run of the job that compares with it. The file says the
    former; the analysis checks by digest that it speaks of the right artifact.

    Raises:
        BadInput: code `bad_raw`, it is of another pass than its run says.
    """
    if raw.meta.get("pass_name") != ref.pass_name.value:
        raise BadInput(
            Code.BAD_RAW,
            f"The raw file that is said to be of pass {ref.pass_name.value} is of another one.",
        )
    return replace(raw, meta={**raw.meta, "role": ref.role.value, "launch": ref.launch})


def require_small(ref: RawRef) -> None:
    """Refuse a raw file for its size, before it is fetched.

    Raises:
        BadInput: code `bad_raw`.
    """
    if ref.digest.size_bytes > MAX_RAW_FILE_BYTES:
        raise BadInput(
            Code.BAD_RAW,
            f"Raw file {ref.digest} is larger than {MAX_RAW_FILE_BYTES} bytes, which are taken at"
            " most.",
        )


def _one(
    reader: RunReader,
    ref: RawRef,
    fetch: Callable[[RawRef], bytes],
    parsers: Mapping[PassName, Callable[[RawFile], object]],
) -> FoundFile:
    try:
        require_small(ref)
        raw = in_role(reader.read(fetch(ref)), ref)
        if ref.pass_name in parsers:
            parsers[ref.pass_name](raw)
    except BitgaugeError as error:
        damaged = error.code in (Code.BAD_RAW, Code.DIGEST_MISMATCH)
        problem = RAW_FILE_DAMAGED if damaged else RAW_FILE_MISSING
        return FoundFile(ref, None, problem, error.sentence)
    return FoundFile(ref, raw)
