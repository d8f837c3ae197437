"""Libraries that stand in for CUDA's, so that onnxruntime's providers load without a card.

Which functions a provider asks of which library is read from its own file; `fake_cuda.c` answers
those that a session needs, the others answer 0. Nothing is computed: a session is loaded, placed,
bound and fed, and what it returns is whatever lay there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from bitgauge.agents.runtimes._tensorrt import cuda

SOURCE = Path(__file__).with_name("fake_cuda.c")
DRIVER = "libcuda.so.1"
TOOLS = ("cc", "nm", "readelf")
_NEEDED = re.compile(r"\(NEEDED\)\s+Shared library: \[(lib(?:cu|nv)[^\]]+)\]")
_UNDEFINED = re.compile(r"^\s*U (\w+)(?:@(\S+))?$", re.MULTILINE)
_DEFINED = re.compile(r"^[\w *]*?\b(\w+)\([^;{]*\) \{", re.MULTILINE)
_UNVERSIONED = {
    DRIVER: re.compile(r"cu[A-Z]"),
    "libnvonnxparser.so.10": re.compile(r"createNvOnnx"),
    "libnvinfer.so.10": re.compile(r"createInfer|getInfer|getPluginRegistry"),
}
"""Whose functions bear no version, by how their names begin."""


def missing_tools() -> list[str]:
    """Programs that this needs and this machine lacks."""
    return [one for one in TOOLS if shutil.which(one) is None]


def stand_ins(providers: list[Path], folder: Path) -> None:
    """Write a library for each of CUDA's that some provider needs.

    Args:
        providers: their own libraries.
        folder: where they go; it belongs on LD_LIBRARY_PATH.
    """
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for provider in providers:
        for library in _NEEDED.findall(_said("readelf", "-d", str(provider))):
            asked[library] |= set()
    for provider in providers:
        wanted = _said("nm", "-D", "--undefined-only", str(provider))
        for name, version in _UNDEFINED.findall(wanted):
            if version in asked:
                asked[version].add(name)
            for library, begins in _UNVERSIONED.items() if not version else ():
                if library in asked and begins.match(name):
                    asked[library].add(name)
    asked[DRIVER] |= {*cuda._SIGNATURES}  # our own queue is of the driver alone
    known = {*_DEFINED.findall(SOURCE.read_text())}
    for library, names in asked.items():
        _made(folder, library, names, known)


def _made(folder: Path, library: str, names: set[str], known: set[str]) -> None:
    more = "\n".join(f"long {one}(void) {{ return 0; }}" for one in sorted(names - known))
    source = folder / f"{library}.c"
    answered = library == DRIVER or names & known
    source.write_text((SOURCE.read_text() if answered else "") + more + "\n")
    script = folder / f"{library}.map"
    script.write_text(f"{library} {{ global: *; }};\n")
    versions = [] if library in _UNVERSIONED else [f"-Wl,--version-script={script}"]
    subprocess.run(
        [
            *("cc", "-shared", "-fPIC", "-O1", "-w", f"-Wl,-soname,{library}", *versions),
            *("-o", str(folder / library), str(source)),
        ],
        check=True,
    )


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
