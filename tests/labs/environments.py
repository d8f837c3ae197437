"""A builder with an environment of its own that holds nothing to download, in a plug-in folder."""

from __future__ import annotations

from pathlib import Path

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
