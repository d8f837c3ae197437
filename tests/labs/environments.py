"""A builder with an environment of its own, in a plug-in folder, and a package for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

RECIPE = "bf16"
BUILDER = '''
"""Copies the model and says who did it."""

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.coordinator.builders import _outside

VERSION = 1
DISTRIBUTIONS = ()
MAKES = "copy"
ENVIRONMENT = "copies"


def accepts(recipe):
    return recipe.family is FormatFamily.BF16


def build(request):
    spec = {"baseline": request.baseline, "output": request.output}
    answer = _outside.run(request, "copies/copy.py", spec)
    request.log.notes.append(answer["by"])
'''
SCRIPT = '''
"""Copies a file."""

import json
import shutil
import sys

spec = json.load(open(sys.argv[1]))
print("copying")
shutil.copyfile(spec["baseline"], spec["output"])
json.dump({"by": sys.prefix}, open(sys.argv[2], "w"))
'''


def plugin_folder(place: Path, script: str = SCRIPT, lock: str = "") -> Path:
    """A folder for `BITGAUGE_PLUGIN_PATH` with that builder."""
    environment = place / "builders/environments/copies"
    environment.mkdir(parents=True)
    (place / "builders/copies.py").write_text(BUILDER)
    (environment / "copy.py").write_text(script)
    (environment / "lock.txt").write_text(f"# Nothing but Python.\n{lock}")
    return place


def wheel(folder: Path, name: str = "tiny", version: str = "1.0", size_bytes: int = 0) -> Path:
    """A package of one module with so many bytes beside it."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    inside = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{name}/weights": b"\0" * size_bytes,
        f"{inside}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{inside}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{inside}/RECORD"] = "".join(
        f"{one},,\n" for one in [*files, f"{inside}/RECORD"]
    ).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, data in files.items():
            archive.writestr(one, data)
    return path


def only_from(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have pip look nowhere but in `folder`."""
    settings = folder / "pip.conf"
    settings.write_text("")
    patch.setenv("PIP_CONFIG_FILE", str(settings))
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))


def from_closed_port(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have pip look where nobody answers."""
    only_from(folder, patch)
    patch.delenv("PIP_NO_INDEX")
    patch.delenv("PIP_FIND_LINKS")
    patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    patch.setenv("PIP_RETRIES", "1")  # pip says why only of what it tries again
