"""A model that is a function of the user's: his code makes the program, on his machine.

Nothing of it is sent but what it made. It is his own code, so nothing confines it; a run of it is
asked for in so many words.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.printable import cleaned

from ..environments.definition import definition

MAX_FACTORY_ANSWER_BYTES = 1 << 20
MAX_FACTORY_SENTENCE = 500
"""Characters of what is said of why there is no program."""
_FACTORY = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*:([A-Za-z_]\w*)")


def function_named(path: Path) -> str | None:
    """The function that `path` names as MODULE:FUNCTION; None for one that names a file."""
    found = _FACTORY.fullmatch(str(path))
    return found[1] if found and not path.exists() else None


@contextlib.contextmanager
def made_here(
    paths: Sequence[Path], python: Path | None, say: Callable[[str], None], *, trusted: bool
) -> Iterator[list[Path]]:
    """The same paths, with a program in place of each function; gone when this is left.

    Args:
        paths: files, and functions as MODULE:FUNCTION.
        python: the interpreter that has torch and what the functions import; ours when None.
        say: takes what the user is to know.
        trusted: whether the user has said that the code may run.

    Raises:
        BadInput: BAD_ARGUMENT, a function is named and nobody has said that it may run;
            BAD_MODEL, it makes no program.
    """
    named = [one for one in paths if function_named(one)]
    if named and not trusted:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{named[0]} is Python code, which would run on this machine to make the model; say"
            " --trusted if it may, or export it yourself and name the .pt2 file.",
        )
    with tempfile.TemporaryDirectory(prefix="bitgauge-made-") as folder:
        made = []
        for at, path in enumerate(paths):
            function = function_named(path)
            if function is None:
                made.append(path)
                continue
            place = Path(folder) / str(at)
            place.mkdir()
            made.append(_made(str(path), place / f"{function}.pt2", python, say))
        yield made


def _made(name: str, output: Path, python: Path | None, say: Callable[[str], None]) -> Path:
    """The program of one function."""
    script = definition("torch").script("from_factory.py")
    answer = output.with_name("answer.json")
    command = [str(python or sys.executable), str(script), name, str(output), str(answer)]
    try:
        done = subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise BadInput(
            Code.BAD_ARGUMENT, f"The interpreter {command[0]} does not start: {error.strerror}."
        ) from error
    if done.returncode or not answer.exists():
        raise _failed(f"{name} ended the interpreter with exit code {done.returncode}")
    told = json.loads(bounded_bytes(answer, MAX_FACTORY_ANSWER_BYTES))
    if "bad" in told:
        raise _failed(str(told["bad"]))
    for note in told["notes"]:
        say(f"note: {name}: {cleaned(str(note), MAX_FACTORY_SENTENCE)}")
    return output


def _failed(why: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, f"No model was made: {cleaned(why, MAX_FACTORY_SENTENCE)}.")
