"""What is kept on a phone between launches: parts and blobs, by digest, in a folder with a limit.

    parts/SHA256/   our code, and packages; those of other versions are removed
    blobs/SHA256    artifacts and evaluation sets, least recently used out
    run/            the present launch; removed by the next

Everything is verified on the phone: a part when it comes, a blob before each use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ._adb import Phone, full
from ._parts import PhonePart

FOLDER = "/data/local/tmp/bitgauge"
"""Where the shell of every Android may write and run programs; made where it is not there."""
RUN = f"{FOLDER}/run"
CHILD_VARIABLE = "BITGAUGE_PHONE_CHILD"
"""What a child on a phone carries in its environment, so that leftovers are found."""
LIMIT_BYTES = 2 << 30
"""Of all blobs together."""
_RESERVE_BYTES = 64 << 20
_TRIES = 2
_SUM = re.compile(r"^\\?([0-9a-f]{64}) [ *](\S+)$", re.MULTILINE)
_UNPACK_S = 300.0

LIST = f"""
mkdir -p {FOLDER}/parts {FOLDER}/blobs
echo @parts; ls {FOLDER}/parts
echo @blobs; cd {FOLDER}/blobs && stat -c '%n %s %Y' * 2>/dev/null
echo @free; df -kP {FOLDER} | tail -n 1
"""
"""Lists what is kept, for `shelf`."""

ARRIVE = f"""
kill -9 $(grep -ls '{CHILD_VARIABLE}=' /proc/[0-9]*/environ | cut -d/ -f3) 2>/dev/null
rm -rf {RUN} {FOLDER}/*/*.part; mkdir -p {RUN}
{LIST}
"""
"""Ends what an older launch left, clears its folder, and lists what is kept."""


@dataclass(frozen=True, slots=True)
class KeptBlob:
    """A blob on a phone: its size in bytes, and when it was last used, in seconds."""

    size_bytes: int
    used_s: int


@dataclass(frozen=True, slots=True)
class PhoneShelf:
    """What a phone keeps.

    Attributes:
        free_bytes: of its disk; None when it does not tell.
    """

    parts: frozenset[str]
    blobs: Mapping[str, KeptBlob]
    free_bytes: int | None


def shelf(told: Mapping[str, str]) -> PhoneShelf:
    """Reads the sections that `ARRIVE` prints."""
    blobs = {}
    for line in told.get("blobs", "").splitlines():
        name, *numbers = line.split()
        if len(numbers) == 2 and all(one.isdigit() for one in numbers):
            blobs[name] = KeptBlob(int(numbers[0]), int(numbers[1]))
    free = (told.get("free", "").split() or [""])[-3:][0]
    return PhoneShelf(
        frozenset(told.get("parts", "").split()),
        blobs,
        int(free) * 1024 if free.isdigit() else None,
    )


def to_drop(
    kept: Mapping[str, KeptBlob], wanted: Mapping[str, int], limit_bytes: int = LIMIT_BYTES
) -> tuple[str, ...] | None:
    """Which blobs go so that the wanted ones fit into the limit, least recently used first.

    Args:
        kept: what is there, by name.
        wanted: sizes of what must be there, in bytes, by name.
        limit_bytes: of all together.

    Returns:
        Their names; None when what is wanted does not fit at all.
    """
    if sum(wanted.values()) > limit_bytes:
        return None
    others = sorted((name for name in kept if name not in wanted), key=lambda one: kept[one].used_s)
    total = sum(wanted.values()) + sum(kept[name].size_bytes for name in others)
    dropped = []
    for name in others:
        if total <= limit_bytes:
            break
        total -= kept[name].size_bytes
        dropped.append(name)
    return tuple(dropped)


def install(phone: Phone, parts: Iterable[PhonePart], there: frozenset[str]) -> None:
    """Brings the parts that a phone lacks.

    Raises:
        BitgaugeError: the phone went away, or has no room.
    """
    for one in parts:
        if one.name not in there:
            _install(phone, one)


def forget(phone: Phone, others: Iterable[str]) -> None:
    """Removes parts of other versions.

    Raises:
        Unavailable: the phone went away.
    """
    if names := " ".join(map(quote, sorted(others))):
        phone.shell(f"cd {FOLDER}/parts && rm -rf {names}")


def _install(phone: Phone, one: PhonePart) -> None:
    place = f"{FOLDER}/parts/{one.name}"
    with one.archive() as archive:
        digest = digest_of(archive)
        _send(phone, archive, f"{place}.tar.part", digest)
    told = phone.shell(
        f"mkdir -p {place}.part && tar -xf {place}.tar.part -C {place}.part"
        f" && mv {place}.part {place} && echo @unpacked; rm -rf {place}.tar.part {place}.part",
        _UNPACK_S,
    )
    if "@unpacked" not in told:
        raise full(phone.name, digest.size_bytes)


def bring(phone: Phone, files: Mapping[str, Path], kept: PhoneShelf) -> dict[str, str]:
    """Puts files where the present launch finds them, each verified on the phone.

    Args:
        phone: which one.
        files: by their places below `RUN`.
        kept: what the phone has.

    Returns:
        The SHA-256 of each, by its place.

    Raises:
        BitgaugeError: the phone went away, or has no room.
    """
    digests = {place: digest_of(path) for place, path in files.items()}
    wanted = {one.sha256: one.size_bytes for one in digests.values()}
    dropped = to_drop(kept.blobs, wanted)
    lacking = sum(size for name, size in wanted.items() if name not in kept.blobs)
    freed = sum(kept.blobs[name].size_bytes for name in dropped or ())
    free = kept.free_bytes
    if dropped is None or (free is not None and free + freed < lacking + _RESERVE_BYTES):
        raise full(phone.name, lacking)
    if dropped:
        phone.shell(f"cd {FOLDER}/blobs && rm -f {' '.join(map(quote, dropped))}")
    blobs = {one.sha256: (one, files[place]) for place, one in digests.items()}
    _require(phone, blobs, frozenset(kept.blobs))
    lines = [f"cd {RUN}"]
    for place, one in digests.items():
        blob, target = f"{FOLDER}/blobs/{one.sha256}", quote(place)
        lines.append(f"mkdir -p {quote(str(Path(place).parent))}")
        lines.append(f"touch {blob}; ln {blob} {target} 2>/dev/null || cp {blob} {target}")
    phone.shell("\n".join(lines))
    return {place: one.sha256 for place, one in digests.items()}


def _require(phone: Phone, blobs: Mapping[str, tuple[Digest, Path]], there: frozenset[str]) -> None:
    """Sends what is missing, and once more what is damaged on the phone."""
    sound = _sound(phone, [name for name in blobs if name in there])
    for name, (digest, path) in blobs.items():
        if name not in sound:
            place = f"{FOLDER}/blobs/{name}"
            _send(phone, path, f"{place}.part", digest)
            phone.shell(f"mv -f {place}.part {place}")


def _sound(phone: Phone, names: Iterable[str]) -> set[str]:
    listed = " ".join(names)
    if not listed:
        return set()
    told = phone.shell(f"cd {FOLDER}/blobs && sha256sum {listed}", _UNPACK_S)
    return {place for digest, place in _SUM.findall(told) if digest == place}


def _send(phone: Phone, path: Path, place: str, digest: Digest) -> None:
    """Sends a file and has the phone say what came; what was damaged on the way, once more."""
    came = ""
    for _ in range(_TRIES):
        phone.push(path, place, digest.size_bytes)
        came = sum_of(phone.shell(f"sha256sum {quote(place)}", _UNPACK_S))
        if came == digest.sha256:
            return
    raise _damaged(phone.name, path.name, came)


def sum_of(told: str) -> str:
    """The digest that `sha256sum` printed of one file; empty when it printed none."""
    found = _SUM.search(told)
    return found[1] if found else ""


def _damaged(name: str, what: str, came: str) -> BitgaugeError:
    return BadInput(
        Code.DIGEST_MISMATCH,
        f"The file {what} came to the phone {name} with other bytes"
        f" ({came[:12] or 'none that it could read'}).",
    )
