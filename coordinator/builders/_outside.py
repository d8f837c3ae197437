"""A script of a builder's environment at work: what it is given, and what is taken of its answer.

It is started inside the step, so it is confined as that is. It reads a file of JSON, writes one,
and whatever it does else, this ends in an answer, in `Unsupported` or in one sentence.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.files import open_made
from bitgauge.benchmarks.common.said import plain
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.printable import cleaned, cleaned_lines

from ..environments.definition import definition
from ..environments.shelf import python_of
from .base import BuildRequest, Unsupported

MAX_OUTSIDE_ANSWER_BYTES = 1 << 20
MAX_OUTSIDE_SENTENCE = 400
"""Characters of what an answer says of why there is no artifact."""
_TAIL_BYTES = 16 << 10
_STDOUT = 1
_TRACE = "Traceback (most recent call last)"
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b.*$", re.M)
_ENDED = "MemoryError", "bad_alloc", "DefaultCPUAllocator: can't allocate memory"


class ScriptFailed(Exception):
    """A script ended without an answer, or with none that is taken; the text says how."""


def run(request: BuildRequest, script: str, spec: Mapping[str, object]) -> dict[str, Any]:
    """Have a script done in the environment of a request; what it answered.

    Args:
        request: with its environment.
        script: as for `answer`.
        spec: as for `answer`.

    Raises:
        Unsupported: it says that the model cannot take the recipe.
        BadInput: BUILD_FAILED, it says so, ended in another way, or answered what it may not.
    """
    assert request.environment is not None, "a builder that names an environment is given one"
    try:
        found = answer(request.environment, script, spec)
    except ScriptFailed as error:
        raise _failed(request, str(error)) from error
    if "unsupported" in found:
        raise Unsupported(cleaned(str(found["unsupported"]), MAX_OUTSIDE_SENTENCE))
    if "bad" in found:
        raise _failed(request, cleaned(str(found["bad"]), MAX_OUTSIDE_SENTENCE))
    return found


def answer(environment: Path, script: str, spec: Mapping[str, object]) -> dict[str, Any]:
    """Have a script done in an environment; what it answered.

    Args:
        environment: its root.
        script: ``NAME/SCRIPT.py`` below the folders of environments.
        spec: what the script is told, as JSON; a path becomes its text.

    Raises:
        ScriptFailed: it ended in another way, or answered what it may not.
    """
    name, _, file = script.partition("/")
    path = definition(name).script(file)
    with tempfile.TemporaryDirectory(prefix="outside-") as folder:
        asked, said = Path(folder) / "spec.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(dict(spec), default=os.fspath), "utf-8")
        python = python_of(environment)
        status, printed = _done([str(python), "-I", str(path), str(asked), str(said)])
        if status:
            raise _ended(status, printed)
        return _read(said)


def _done(command: list[str]) -> tuple[int, str]:
    """How a command ended, and the end of what it printed; all of that goes where we print."""
    tail = b""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 1 << 16):
            os.write(_STDOUT, chunk)
            tail = (tail + chunk)[-_TAIL_BYTES:]
    return process.returncode, tail.decode("utf-8", "replace")


def _read(path: Path) -> dict[str, Any]:
    """What a script has written: one object of JSON in a plain file."""
    try:
        with os.fdopen(open_made(path, MAX_OUTSIDE_ANSWER_BYTES), "rb") as file:
            found = json.loads(file.read(MAX_OUTSIDE_ANSWER_BYTES), parse_constant=_no_number)
    except FileNotFoundError as error:
        raise ScriptFailed("its script ended without an answer") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ScriptFailed("its script's answer cannot be read") from error
    if not isinstance(found, dict):
        raise ScriptFailed("its script's answer is no object")
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)


def _ended(status: int, printed: str) -> Exception:
    """What a script that ended without being asked to has to do with."""
    words = last_said(printed)
    if any(one in words for one in _ENDED):
        return MemoryError(words)
    if "No space left on device" in words:
        return OSError(errno.ENOSPC, words)
    if status < 0:
        name = signal.Signals(-status).name
        return ScriptFailed(f"a library ended the script with {name}")
    return ScriptFailed(plain(words) or "its script said nothing")


def last_said(printed: str) -> str:
    """The line of what was printed that says why a script ended; empty when there is none.

    Of a trace the line that names the error; what it goes on to say may be a page of hints.
    """
    lines = cleaned_lines(printed, _TAIL_BYTES).strip().splitlines()
    text = "\n".join(lines)
    if _TRACE in text:
        named = _RAISED.findall(text.rpartition(_TRACE)[2])
        if named:
            return str(named[0]).strip()
    return lines[-1].strip() if lines else ""


def _failed(request: BuildRequest, why: str) -> BadInput:
    return BadInput(
        Code.BUILD_FAILED, f"{request.recipe} could not be built: {why.rstrip('.') or 'no reason'}."
    )
