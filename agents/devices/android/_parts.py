"""What a phone is given to work with, once per version: our code, and packages where it needs them.

Each part is one archive under its digest, the same for the same files whoever makes it. Packages
are those that the owner put into a folder for phones of one Python and architecture; see
deploy/android.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bitgauge import agents, benchmarks
from bitgauge.benchmarks.common.home import home

SITE_VARIABLE = "BITGAUGE_PHONE_PACKAGES"
_OURS = {"bitgauge/agents": agents, "bitgauge/benchmarks": benchmarks}


@dataclass(frozen=True, slots=True)
class PhonePart:
    """One part of what a phone is given.

    Attributes:
        files: by their names inside.
        name: digest of names and contents, in hexadecimal digits.
    """

    files: Mapping[str, Path]
    name: str

    @contextlib.contextmanager
    def archive(self) -> Iterator[Path]:
        """The part as one tar file, for as long as it is needed."""
        with tempfile.TemporaryDirectory(prefix="bitgauge-phone-") as folder:
            place = Path(folder) / "part.tar"
            with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as archive:
                for name, path in self.files.items():
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = path.stat().st_size, 0o700
                    with path.open("rb") as file:
                        archive.addfile(entry, file)
            yield place


def part(files: Mapping[str, Path]) -> PhonePart:
    """A part of these files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        data = files[name].read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return PhonePart({name: files[name] for name in sorted(files)}, digest.hexdigest())


def code() -> PhonePart:
    """What of this package runs on a phone."""
    files = {}
    for name, package in _OURS.items():
        (root,) = package.__path__
        for path in Path(root).rglob("*.py"):
            files[f"{name}/{path.relative_to(root).as_posix()}"] = path
    return part(files)


def packages_folder(tag: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the owner puts packages for phones of a tag, such as ``cp313-aarch64``."""
    told = environ.get(SITE_VARIABLE)
    return (Path(told) if told else home(environ) / "phone-packages") / tag


def packages(folder: Path) -> PhonePart | None:
    """The packages in a folder; None where it has none."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    return part(files) if files else None
