"""A manifest: an artifact of several files, named by one digest.

It is a blob of its own, small canonical JSON that lists the artifact's files by relative name and
digest; the files are blobs too. Whoever holds its digest asks for the files that it lists and puts
them into a folder of their own, because a model file reads others beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.digests import Digest

SCHEMA = "bitgauge.manifest/1"
MAX_MANIFEST_BYTES = 4 << 20
MAX_FILES = 10_000
MAX_BYTES = 1 << 40
"""Of all files together."""
ENTRY = "artifact"
"""How the file to load is called, unless another has the name: equal models get equal digests."""

_MAX_NAME_BYTES = 512
_START = f'{{"schema":"{SCHEMA}",'.encode()
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of an artifact: its name relative to the artifact's folder, and its content."""

    name: str
    sha256: str
    size_bytes: int

    @property
    def digest(self) -> Digest:
        """Content address of the file."""
        return Digest(self.sha256, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Manifest:
    """An artifact of several files.

    Attributes:
        kind: of the artifact.
        entry: name of the file that a runtime loads; it lies at the top of the folder.
        files: all of them, by name.
    """

    kind: str
    entry: str
    files: tuple[ManifestFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files together: what the artifact takes on a device."""
        return sum(file.size_bytes for file in self.files)


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """A manifest as it is written; the order of the fields is that of the bytes."""

    schema: str
    kind: str
    entry: str
    files: tuple[ManifestFile, ...]


@dataclass(frozen=True, slots=True)
class ArtifactFiles:
    """The files of one artifact where they lie.

    Attributes:
        entry: name of the file to load.
        files: where each one is, by its name within the artifact.
    """

    entry: str
    files: Mapping[str, Path]

    @property
    def path(self) -> Path:
        """Of the file to load."""
        return self.files[self.entry]


def manifest_of(
    kind: str, entry: Digest, others: Mapping[str, Digest], name: str = ENTRY
) -> Manifest:
    """The manifest of an artifact whose file to load reads `others`, by relative name.

    Args:
        kind: of the artifact.
        entry: the file to load.
        others: those that it reads.
        name: how it is called, where nothing looks for another name; lengthened until it is free.

    Raises:
        BadInput: `BAD_MODEL`, it would be none that is taken.
    """
    while any(other.split("/")[0] == name for other in others):
        name += "_"
    files = {name: entry, **others}
    listed = (ManifestFile(at, one.sha256, one.size_bytes) for at, one in sorted(files.items()))
    manifest = Manifest(kind, name, tuple(listed))
    _require_sound(manifest)
    return manifest


def encoded(manifest: Manifest) -> bytes:
    """A manifest as a blob; equal ones give equal bytes."""
    return msgspec.json.encode(_Written(SCHEMA, manifest.kind, manifest.entry, manifest.files))


def decoded(data: bytes) -> Manifest:
    """The manifest in a blob.

    Raises:
        BadInput: `BAD_MODEL`; it is not sound.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise _unsound(f"is larger than {MAX_MANIFEST_BYTES} bytes")
    try:
        written = msgspec.json.decode(data, type=_Written)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _unsound(f"cannot be read ({str(error)[:120]})") from error
    manifest = Manifest(written.kind, written.entry, written.files)
    _require_sound(manifest)
    if encoded(manifest) != data:
        raise _unsound("is not written in its one canonical form")
    return manifest


def is_manifest(data: bytes) -> bool:
    """Whether a blob that begins like this calls itself a manifest."""
    return data.startswith(_START)


def manifest_in(path: Path) -> Manifest | None:
    """The manifest in a file; None when it is something else.

    Raises:
        BadInput: `BAD_MODEL`, it calls itself one and is not sound.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not is_manifest(head := file.read(len(_START))):
            return None
        return decoded(head + file.read(MAX_MANIFEST_BYTES + 1 - len(head)))


def laid_out(
    manifest: Manifest, folder: Path, put: Callable[[Digest, Path], None]
) -> ArtifactFiles:
    """Puts the files of an artifact into a folder that is there and empty.

    Args:
        manifest: what belongs there.
        folder: where.
        put: makes one file, whose folder is there.

    Raises:
        BadInput: `BAD_MODEL`, one of the files is a manifest itself; what `put` raises.
    """
    files = {file.name: folder / file.name for file in manifest.files}
    for file in manifest.files:
        files[file.name].parent.mkdir(parents=True, exist_ok=True)
        put(file.digest, files[file.name])
    found = ArtifactFiles(manifest.entry, files)
    require_flat(found)
    return found


def require_flat(found: ArtifactFiles) -> None:
    """Refuse an artifact that lists another one as its file.

    Raises:
        BadInput: `BAD_MODEL`.
    """
    for name, path in found.files.items():
        with path.open("rb") as file:
            if is_manifest(file.read(len(_START))):
                raise _unsound(f"lists another manifest, {name[:80]!r}")


def _require_sound(manifest: Manifest) -> None:
    names = [file.name for file in manifest.files]
    if not 0 < len(names) <= MAX_FILES:
        raise _unsound(f"lists {len(names)} files; 1 to {MAX_FILES} are taken")
    if not _KIND.fullmatch(manifest.kind):
        raise _unsound(f"names no artifact kind but {manifest.kind[:40]!r}")
    for name in names:
        why = what_is_wrong(name)
        if why:
            raise _unsound(f"lists {name[:80]!r}, which {why}")
    if names != sorted(set(names)):
        raise _unsound("lists a file twice, or its files out of order")
    _require_no_clash(names)
    if manifest.entry not in names or "/" in manifest.entry:
        raise _unsound(f"has no file {manifest.entry[:80]!r} to load at its top")
    for file in manifest.files:
        if not _SHA256.fullmatch(file.sha256) or file.size_bytes < 0:
            raise _unsound(f"gives no digest and size of {file.name[:80]!r}")
    if manifest.size_bytes > MAX_BYTES:
        raise _unsound(f"lists {manifest.size_bytes} bytes; {MAX_BYTES} are taken at most")


def _require_no_clash(names: Sequence[str]) -> None:
    there = set(names)
    for name in names:
        if any(str(folder) in there for folder in PurePosixPath(name).parents):
            raise _unsound(f"lists {name[:80]!r} below another file")


def what_is_wrong(name: str) -> str:
    """Why `name` names no file inside an artifact's folder; "" when it does."""
    if name.startswith("/"):
        return "is an absolute path"
    if any(part == ".." for part in name.split("/")):
        return "leaves the folder of the model"
    if any(part in ("", ".") for part in name.split("/")):
        return "is no plain relative path"
    if "\\" in name or not name.isprintable():
        return "holds characters that no file name here may hold"
    if len(name.encode()) > _MAX_NAME_BYTES or any(len(p.encode()) > 255 for p in name.split("/")):
        return "is too long"
    return ""


def _unsound(why: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, f"The manifest of an artifact {why}.")
