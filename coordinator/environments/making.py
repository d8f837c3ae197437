"""An environment is made: interpreter, virtual environment, packages, then a rename.

It reaches the registries, so it happens outside of any sandbox, and nothing of what somebody sent
is near. Packages are wheels only: none of their code runs before a step that is confined.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.machinery import PathFinder
from pathlib import Path

import psutil
from bitgauge.benchmarks.common import prctl
from bitgauge.benchmarks.common.files import on_disk, remove_tree
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..decisions.steps import StepLimit, StepLimits
from . import pip_said
from .definition import Definition
from .interpreters import Interpreter, interpreter_for, own
from .room import MAX_ENVIRONMENTS_BYTES, Kept, to_remove
from .shelf import Note, Ready, Shelf, python_of

MIN_FREE_BYTES = 1 << 30
"""What making an environment leaves free on its disk."""
_CHILD = Path(__file__).with_name("_child.py")
_POLL_S = 0.2
_ATTEMPTS = 3
_PLACE = ".ours"
_LEADS_ELSEWHERE = ("VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER")
_TAIL_BYTES = 64 << 10

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MakingTerms:
    """What environments may take.

    Attributes:
        limit: of making one.
        most_bytes: of all of them together.
    """

    limit: StepLimit = field(default_factory=lambda: StepLimits().environment)
    most_bytes: int = MAX_ENVIRONMENTS_BYTES


@dataclass(frozen=True, slots=True)
class Command:
    """One module that is run, by which program, and where it is when that has it not itself."""

    python: str
    module: str
    arguments: tuple[str, ...]
    place: str = ""


def commands(interpreter: Interpreter, root: Path, definition: Definition) -> list[Command]:
    """What makes an environment: one after the other, each only when those before succeeded.

    Our own pip works in it where we have one: from a folder that holds nothing else, as what pip
    finds beside itself counts as installed. So a new one needs none, and pip is one process.
    """
    pip = PathFinder.find_spec("pip")  # past setuptools' hook, which warns of distutils
    own_pip = pip is not None and pip.submodule_search_locations
    place = str(root / _PLACE) if own_pip else ""
    install = ("install", "--no-deps", "--only-binary", ":all:", "--no-input")
    lock = ("--disable-pip-version-check", "--progress-bar", "off", "-r", str(definition.lock_path))
    return [
        Command(interpreter.path, "venv", (*(["--without-pip"] if place else []), str(root))),
        Command(str(python_of(root)), "pip", (*install, *lock), place),
    ]


def _equip(root: Path, command: Command) -> None:
    """Give a new environment what pip needs to work in it: ours, and how it is set up."""
    settings = Path(sys.prefix) / "pip.conf"
    if settings.is_file():
        shutil.copyfile(settings, root / settings.name)
    pip = PathFinder.find_spec("pip")  # past setuptools' hook, which warns of distutils
    if command.place and pip is not None and pip.submodule_search_locations:
        place = Path(command.place)
        place.mkdir()
        (place / "pip").symlink_to(pip.submodule_search_locations[0])


def ready(definition: Definition, shelf: Shelf, interpreter: Interpreter) -> Ready | None:
    """The environment, if it is made."""
    return shelf.found(shelf.path(definition.name, definition.made_with(interpreter.line)))


@contextmanager
def in_environment(
    definition: Definition, shelf: Shelf, terms: MakingTerms, say: Say = lambda words: None
) -> Iterator[Ready]:
    """An environment to work in, made now if it is not there; it stays until the block ends.

    Raises:
        Refused: `NO_ENVIRONMENT`, as `made`.
    """
    for _ in range(_ATTEMPTS):
        found = made(definition, shelf, terms, say)
        with shelf.used(found) as root:
            if root is not None:  # nobody has removed it in between
                yield found
                return
    raise refused(definition, "it was removed while it was wanted")


def made(
    definition: Definition, shelf: Shelf, terms: MakingTerms, say: Say = lambda words: None
) -> Ready:
    """An environment that is there, made now if need be; of several who ask one makes it.

    Args:
        definition: what it holds.
        shelf: where it goes.
        terms: what it may take.
        say: told what is being done, in a few words.

    Raises:
        Refused: `NO_ENVIRONMENT`, it cannot be made here and now; the sentence says why.
        BadInput: `BAD_ENVIRONMENT`, its lock is not sound.
        Unavailable: `DISK_FULL` or `STORE_IO`.
    """
    definition.require_sound()
    interpreter = interpreter_for(definition.pythons)
    if interpreter is None:
        raise refused(definition, _no_python(definition))
    there = ready(definition, shelf, interpreter)
    if there is not None:
        return there
    key = shelf.path(definition.name, definition.made_with(interpreter.line)).name
    waits = f"waiting for the builder environment {definition.name}, which another process makes"
    with (
        on_disk(f"The builder environment {definition.name} in {shelf.folder}"),
        shelf.held(key, alone=True, waits=lambda: say(waits)),
    ):
        there = ready(definition, shelf, interpreter)
        return there or _make(definition, shelf, terms, interpreter, say)


def _make(
    definition: Definition, shelf: Shelf, terms: MakingTerms, interpreter: Interpreter, say: Say
) -> Ready:
    """Make it; the caller holds its lock alone. Whatever interrupts this leaves nothing."""
    began_s = time.monotonic()
    expected = definition.cost.size_bytes if definition.cost else 0
    if expected:  # of one whose size nobody has told, it shows when it is made
        _make_room(definition, shelf, terms, expected)
    shelf.sweep()
    digest = definition.made_with(interpreter.line)
    aside = shelf.aside(definition.name, digest)
    remove_tree(aside)
    say(f"making the builder environment {definition.name}")
    try:
        work = _Work(definition, terms.limit, shelf.folder / f"{aside.name}.log", began_s)
        venv, *others = commands(interpreter, aside, definition)
        work.do(venv)
        for command in others:
            _equip(aside, command)
            work.install(command)
            remove_tree(aside / _PLACE)
        size_bytes = size_of(aside)
        _make_room(definition, shelf, terms, size_bytes)
        seconds = round(time.monotonic() - began_s, 1)
        note = Note(
            name=definition.name,
            digest=digest,
            python=interpreter.version,
            base=interpreter.base,
            size_bytes=size_bytes,
            seconds=seconds,
            made_unix_ns=time.time_ns(),
        )
        return shelf.put(aside, note)
    finally:
        remove_tree(aside)


def _make_room(definition: Definition, shelf: Shelf, terms: MakingTerms, needed_bytes: int) -> None:
    """Remove what was not used for longest until another of that size fits.

    Raises:
        Refused: it does not, whatever goes.
    """
    kept = {one.path: Kept(one.note.size_bytes, one.used_unix_ns) for one in shelf.all()}
    there = {one.path: one for one in shelf.all()}
    while True:
        gone = to_remove(kept, needed_bytes, terms.most_bytes)
        if gone is None:
            break
        if shelf.remove(there[gone]):
            del kept[gone]
        else:
            kept[gone] = replace(kept[gone], in_use=True)
    total = sum(one.size_bytes for one in kept.values())
    if total + needed_bytes > terms.most_bytes:
        besides = f", with {_size(total)} of others that are in use" if total else ""
        raise refused(
            definition,
            f"it takes {_size(needed_bytes)}{besides}, and {_size(terms.most_bytes)} are allowed"
            " (`bitgauge up --environments-limit`)",
        )
    if shutil.disk_usage(shelf.folder).free < needed_bytes + MIN_FREE_BYTES:
        raise refused(
            definition,
            f"it takes {_size(needed_bytes)}, and the disk of {shelf.folder} has no room for it",
        )


class _Work:
    """The commands that make one environment, within its limit."""

    def __init__(self, definition: Definition, limit: StepLimit, log: Path, began_s: float) -> None:
        self._definition = definition
        self._limit = limit
        self._log = log
        self._began_s = began_s

    def do(self, command: Command) -> None:
        """Run one; what it prints is in the log.

        Raises:
            Refused: it failed, or met the limit.
        """
        limit = self._limit
        memory = limit.memory_bytes or psutil.virtual_memory().total // 2
        given = (prctl.__file__, os.getpid(), limit.written_bytes, memory)
        words = [command.python, "-I", str(_CHILD), *map(str, given)]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [*words, command.place, command.module, *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(os.environ),
                start_new_session=True,
            )
            try:
                self._watch(process)
            finally:
                _end(process)
        if process.returncode:
            raise refused(self._definition, pip_said.why(self._printed(), command.module))

    def install(self, command: Command) -> None:
        """Run pip: as the machine says, and where that has not all, with the lock's own indexes."""
        try:
            self.do(command)
        except Refused:
            further = [f"--extra-index-url={one}" for one in self._definition.indexes]
            if not further or not pip_said.not_found(self._printed()):
                raise
            self.do(replace(command, arguments=(*command.arguments, *further)))

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            time.sleep(_POLL_S)
            if time.monotonic() - self._began_s > self._limit.time_s:
                raise refused(self._definition, f"it took longer than {self._limit.time_s:g} s")
            if shutil.disk_usage(self._log.parent).free < MIN_FREE_BYTES:
                raise refused(self._definition, f"the disk of {self._log.parent} is nearly full")
            with contextlib.suppress(psutil.Error):
                written = psutil.Process(process.pid).io_counters().write_bytes
                if written > self._limit.written_bytes:
                    most = _size(self._limit.written_bytes)
                    raise refused(self._definition, f"it wrote more than {most}")

    def _printed(self) -> str:
        data = self._log.read_bytes()[-_TAIL_BYTES:]
        return data.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all of its session."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip is told by the machine, without what is ours alone or would lead it elsewhere."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("PYTHON", "RAY_", "BITGAUGE_")) and name not in _LEADS_ELSEWHERE
    }


def refused(definition: Definition, why: str) -> Refused:
    """That an environment is not there, with what to do."""
    return Refused(
        Code.NO_ENVIRONMENT,
        f"The builder environment {definition.name} could not be made: {why};"
        f" `bitgauge environments make {definition.name}` tries again.",
    )


def _no_python(definition: Definition) -> str:
    return (
        f"its packages want Python {definition.pythons}, and no such python3.N is on the PATH of"
        f" this machine, whose Bitgauge runs on {own().version}"
    )


def size_of(folder: Path) -> int:
    """Bytes of every file below a folder."""
    return sum(
        os.lstat(os.path.join(at, name)).st_size
        for at, _, names in os.walk(folder)
        for name in names
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:.1f} MB"
