"""The plug-ins that `docs/adding.md` shows, as files, and a runtime for its file format."""

from __future__ import annotations

import re
from pathlib import Path

MATRIX = '''
"""Executes `linear` files, one matrix each, with numpy."""

import json
from importlib.metadata import PackageNotFoundError, version

from bitgauge.agents.runtimes.base import RuntimeMissing, Traits
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "matrix"
RANK = 30  # the highest is listed first
HINT = "pip install numpy"
TRAITS = Traits(artifact_kinds=("linear",))


def probe():
    try:
        installed = version("numpy")
    except PackageNotFoundError as error:
        raise RuntimeMissing("numpy is not installed.") from error
    families = (FormatFamily.FP32, FormatFamily.FP16)
    return RuntimeDescription(name=NAME, version=installed, families=families)


def prepare():
    import numpy  # noqa: F401  before memory is looked at


def load(path, options):
    import numpy as np

    try:
        return _Session(np.array(json.loads(path.read_bytes())["linear"], np.float32))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(Code.BAD_MODEL, f"The artifact is no linear model: {error}.") from error


def empty_artifact():
    return b'{"linear": [[1.0]]}'


class _Session:
    def __init__(self, matrix):
        self._matrix = matrix
        self.input_specs = (InputSpec("x", "float32", (None, len(matrix))),)
        self.output_names = ("y",)  # outputs are held against the baseline's by name

    def options_set(self):
        return {}

    def bind(self, feeds):
        x, matrix = feeds["x"], self._matrix
        return lambda: x @ matrix  # what is timed: this call and nothing else

    def run(self, feeds):
        return [feeds["x"] @ self._matrix]

    def close(self):
        del self._matrix
'''
"""What executes the file format of the page: a runtime in one file."""

PAGE = (Path(__file__).parents[2] / "docs/adding.md").read_text()


def examples(text: str) -> dict[str, str]:
    """The files that a text shows, by their path below the folder."""
    blocks: list[str] = re.findall(
        r"^```(?:python|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    found = {}
    for block in blocks:
        first, _, rest = block.partition("\n")
        place = re.fullmatch(r"# FOLDER/(\S+\.(?:py|txt))", first)
        assert place, f"an example begins with the file that it is: {first}"
        found[place[1]] = rest
    return found


def write_examples(folder: Path) -> Path:
    """A folder of plug-ins with every example, and what executes that of a file format."""
    for name, text in {**examples(PAGE), "runtimes/matrix.py": MATRIX}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
