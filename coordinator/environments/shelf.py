"""The environments of one machine: which are made, in whose hands each is, and what may go.

Each is a folder ``NAME-DIGEST`` with a note in it; it comes there by a rename, whole. Whoever works
in one holds its lock with others, whoever makes or removes it holds the lock alone. The kernel
gives back what a dead process held.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import bounded_bytes, remove_tree
from bitgauge.benchmarks.common.home import home, private_folder
from bitgauge.benchmarks.vocabulary.errors import BadInput

ENVIRONMENTS_VARIABLE = "BITGAUGE_ENVIRONMENTS"
"""A folder that takes the place of the one in the state folder, so that several may share it."""
MAX_NOTE_BYTES = 64 << 10
_NOTE = "environment.json"
_LOCKS = ".locks"
_MAKING = ".making"
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Note:
    """What is written down of an environment when it is made.

    Attributes:
        name: of its definition.
        digest: of lock and Python version.
        python: full version of its interpreter.
        base: folder of the installation that the interpreter belongs to.
        size_bytes: of everything in it.
        seconds: that making it took.
        made_unix_ns: when it was whole.
    """

    name: str
    digest: str
    python: str
    base: str
    size_bytes: int
    seconds: float
    made_unix_ns: int


@dataclass(frozen=True, slots=True)
class Ready:
    """An environment that is there.

    Attributes:
        path: its root.
        note: what is known of it.
        used_unix_ns: when somebody began to work in it last.
    """

    path: Path
    note: Note
    used_unix_ns: int


def shelf_folder(state: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where this machine keeps environments; `state` is the state folder, if not the usual one."""
    own = environ.get(ENVIRONMENTS_VARIABLE)
    return Path(own).expanduser().absolute() if own else (state or home(environ)) / "environments"


def python_of(root: Path) -> Path:
    """The interpreter of an environment."""
    return root / "bin/python"


class Shelf:
    """A folder of environments."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before something is to be kept there."""
        self.folder = folder

    def path(self, name: str, digest: str) -> Path:
        """Where an environment is when it is made."""
        return self.folder / f"{name}-{digest}"

    def aside(self, name: str, digest: str) -> Path:
        """Where it is made: its maker, who has the lock alone, finds what a dead one left there."""
        return self.folder / f".{name}-{digest}{_MAKING}"

    def found(self, path: Path) -> Ready | None:
        """The environment at a path; None when there is none that counts."""
        note = path / _NOTE
        try:
            if any(one.lstat().st_uid != os.geteuid() for one in (path, note)):
                return None
            kept = msgspec.json.decode(bounded_bytes(note, MAX_NOTE_BYTES), type=Note)
            used = note.stat().st_mtime_ns
        except (OSError, BadInput, msgspec.MsgspecError):
            return None
        if path.name != f"{kept.name}-{kept.digest}" or not python_of(path).exists():
            return None
        return Ready(path, kept, used)

    def all(self) -> tuple[Ready, ...]:
        """Every environment that is there, in the order of their paths."""
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return ()
        return tuple(filter(None, map(self.found, paths)))

    def put(self, aside: Path, note: Note) -> Ready:
        """Make what was made aside count; the caller holds its lock alone."""
        (aside / _NOTE).write_bytes(msgspec.json.encode(note))
        os.sync()  # a rename of tens of thousands of files that a power cut would leave empty
        path = self.path(note.name, note.digest)
        remove_tree(path)  # one that does not count
        aside.rename(path)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return Ready(path, note, time.time_ns())

    @contextlib.contextmanager
    def held(
        self, key: str, *, alone: bool = False, waits: Callable[[], None] | None = None
    ) -> Iterator[bool]:
        """Hold the lock of an environment until the block ends.

        Args:
            key: the name of its folder.
            alone: nobody else may hold it.
            waits: called once when others have to let go of it first; where it is None, nobody
                waits.

        Yields:
            Whether it is held.
        """
        with contextlib.ExitStack() as stack:
            private_folder(self.folder)
            (self.folder / _LOCKS).mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.folder / _LOCKS / key, flags, 0o600)
            stack.callback(os.close, descriptor)
            how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            told = False
            while not _locked(descriptor, how):
                if waits is None:
                    yield False
                    return
                if not told:
                    told = True
                    waits()
                time.sleep(_POLL_S)  # a lock that is waited for in the kernel hears no cancellation
            yield True

    @contextlib.contextmanager
    def used(self, made: Ready) -> Iterator[Path | None]:
        """The root of an environment that nobody removes until the block ends; None: it is gone."""
        with self.held(made.path.name) as held:
            if not held or self.found(made.path) is None:
                yield None
                return
            os.utime(made.path / _NOTE)
            yield made.path

    def remove(self, made: Ready) -> bool:
        """Remove an environment in which nobody works; whether it is gone."""
        with self.held(made.path.name, alone=True) as held:
            if not held:
                return False
            gone = self.aside(made.note.name, made.note.digest)
            remove_tree(gone)
            with contextlib.suppress(FileNotFoundError):
                made.path.rename(gone)  # so that no half of it ever counts
            return remove_tree(gone)

    def sweep(self) -> None:
        """Remove what makers left that did not live to the end."""
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.folder.glob(f".*{_MAKING}")):
                with self.held(path.name[1 : -len(_MAKING)], alone=True) as held:
                    if held:
                        remove_tree(path)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
