"""A program built ahead of time on this device, and what runs the package.

It is built by a process of its own inside the sandbox, so that what the compiler needs is no
memory of the process that is measured: that one loads the package alone, as a deployed program
does. A package is native code: it is made here, used here, and accepted from nobody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.exported.program import Program
from bitgauge.benchmarks.common.prctl import die_with_parent
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from . import executions, loading
from .executions import AOTI, Run
from .place import ComputePlace

LONGEST_BUILD_S = 280.0
"""The phase in which it happens ends after 300 s without a word."""
_KEPT = 8
_MODULE = f"{__package__}.ahead"  # as a program its name is another one


class Ahead:
    """A package, loaded anew for each session."""

    def __init__(self, path: Path, threads: int, place: ComputePlace) -> None:
        import torch._inductor

        executions.require_compiler()
        facts = path.stat()
        package, self.told = _built(path, threads, place.device, facts.st_mtime_ns, facts.st_size)
        loader = torch._inductor.aoti_load_package(str(package)).loader

        def run(*tensors: Any) -> Any:
            return loader.boxed_run(list(tensors))

        self._run: Run = run

    def ready(self, tensors: Sequence[Any]) -> Run:
        """The package, whatever the sizes: they were declared."""
        return self._run


@lru_cache(_KEPT)
def _built(path: Path, threads: int, device: str, *_: int) -> tuple[Path, dict[str, str]]:
    """The package of a file, built once in the life of a process, and what is known of it.

    Raises:
        BitgaugeError: as the building process said, or how it ended.
    """
    folder = Path(tempfile.mkdtemp(dir=executions.own_folder()))
    answer = folder / "answer.json"
    given = (str(path.resolve()), str(threads), device, str(folder))
    command = (sys.executable, "-m", _MODULE, *given)
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, timeout=LONGEST_BUILD_S, check=False
        ).returncode
    except subprocess.TimeoutExpired as error:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"It could not be built ahead of time within {LONGEST_BUILD_S:g} s.",
        ) from error
    if not answer.exists():
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"The process that built it ahead of time ended with status {ended} and said nothing.",
        )
    said = json.loads(answer.read_bytes())
    if "code" in said:
        raise Refused(Code(said["code"]), said["sentence"])
    return folder / "built.pt2", said


def build(path: Path, threads: int, place: ComputePlace, package: Path) -> dict[str, str]:
    """Builds a package and compares it with the program run as it is.

    Raises:
        BitgaugeError: it cannot be built, or answers something else.
    """
    import torch
    import torch._inductor

    torch.set_num_threads(threads)
    place.take_effect()
    executions.configure()
    program = loading.described(path)
    made = place.moved(loading.load(path, program))
    plain = executions.Eager(made).ready(())
    sizes = executions.sizes_of_free_axes(program)
    given = place.there(executions.examples(program, sizes[0]))
    made._example_inputs = torch.utils._pytree.tree_unflatten(given, made.call_spec.in_spec)
    with torch.no_grad():  # else weights are not frozen, and nobody says so
        began = time.perf_counter()
        torch._inductor.aoti_compile_and_package(
            made, package_path=str(package), inductor_configs={"freezing": True}
        )
        seconds = time.perf_counter() - began
        loader = torch._inductor.aoti_load_package(str(package)).loader
        difference = max(_difference(plain, loader, program, size, place) for size in sizes)
    kernels = executions.integer_kernels(_sources(package))
    executions.refuse_wrong(difference, AOTI, program)
    executions.refuse_floats(kernels, program, AOTI)
    return executions.facts(seconds, kernels, difference)


def _difference(plain: Run, loader: Any, program: Program, size: int, place: ComputePlace) -> float:
    given = place.there(executions.examples(program, size))
    return executions.largest_difference(plain(*given), loader.boxed_run(list(given)))


def _sources(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        names = [name for name in archive.namelist() if name.endswith("wrapper.cpp")]
        return [archive.read(name).decode(errors="replace") for name in names]


def main(arguments: Sequence[str]) -> int:
    """``PATH THREADS DEVICE FOLDER``: leaves the package and the answer there."""
    path, threads, device, folder = arguments
    if not die_with_parent(os.getppid()):
        return 1
    try:
        said = build(Path(path), int(threads), ComputePlace(device, {}), Path(folder, "built.pt2"))
    except Exception as error:  # the library raises a dozen types that share no base
        traceback.print_exc()
        found = loading.explained(error, loading=True)
        said = {"code": found.code.value, "sentence": found.sentence}
    Path(folder, "answer.json").write_text(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
