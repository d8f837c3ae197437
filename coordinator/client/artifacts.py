"""Model files and folders on this machine as artifacts: each with all files that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.digests import Hasher
from bitgauge.benchmarks.common.manifest import encoded, manifest_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .upload import LocalFile, local_file


@dataclass(frozen=True, slots=True)
class LocalArtifact:
    """An artifact on this machine.

    Attributes:
        path: of the file or folder that a person names.
        digest: what a job calls it: the file's own, or that of the manifest of its files.
        files: what to bring to the coordinator; a manifest comes after the files that it lists.
    """

    path: Path
    digest: Digest
    files: tuple[LocalFile, ...]


def local_artifact(path: Path) -> LocalArtifact:
    """Read a model file, and those it names, once to name them by their content; or a folder.

    Raises:
        BadInput: `FILE_UNREADABLE`; `EXTERNAL_DATA`, a file it names is not there or not its own.
    """
    from ..models.recognise import companions, entry_file, kind_of  # numpy is behind it

    entry = entry_file(path)
    names = companions(entry, path.name)
    beside = {name: _own(entry, name) for name in names}
    return artifact_of(path, entry, beside, kind_of(entry, path.name) if beside else "")


def artifact_of(path: Path, loaded: Path, beside: Mapping[str, Path], kind: str) -> LocalArtifact:
    """Name an artifact by the content of its files, none of which is looked into.

    Args:
        path: what a person names.
        loaded: the file that is loaded.
        beside: the others, by their names relative to it.
        kind: of the artifact.

    Raises:
        BadInput: `FILE_UNREADABLE`; `BAD_MODEL`, there are too many files, or names that none has.
    """
    from ..models.recognise import entry_name

    entry = local_file(loaded)
    if not beside:
        return LocalArtifact(path, entry.digest, (entry,))
    others = {name: local_file(file) for name, file in beside.items()}
    digests = {name: file.digest for name, file in others.items()}
    content = encoded(manifest_of(kind, entry.digest, digests, entry_name(kind)))
    hasher = Hasher()
    hasher.update(content)
    manifest = LocalFile(path, hasher.digest, content)
    return LocalArtifact(path, manifest.digest, (entry, *others.values(), manifest))


def _own(model: Path, name: str) -> Path:
    """A file that a model names, when it lies where the model does.

    A model that was downloaded may be a link into a store of files, and its weights too; what
    leads out of both folders would send a file of the user's that is no part of the model.
    """
    path = model.parent / name
    if not path.is_file():
        raise BadInput(
            Code.EXTERNAL_DATA, f"{model} keeps weights in {name[:100]!r}, which is not beside it."
        )
    homes = (model.parent.resolve(), model.resolve().parent)
    if not any(path.resolve().is_relative_to(home) for home in homes):
        raise BadInput(
            Code.EXTERNAL_DATA,
            f"{model} keeps weights in {name[:100]!r}, a link that leads out of its folder.",
        )
    return path
