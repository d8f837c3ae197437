"""The zoo in formats of LiteRT, built as a coordinator builds them, for a look without builders.

    bitgauge environments make litert
    python -m tests.labs.zoo.formats

`built.json` records the builders with the digests of their environment, and each file.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.environments.shelf import Shelf, shelf_folder

KIND = "tflite"
ENVIRONMENT = "litert"
RECIPES = ("int8-dynamic-s8s8-pc", "int8-static-s8s8-pc")


def main(folder: Path, state: Path | None = None) -> None:
    """Write every file into `folder`, and what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = (one for one in Shelf(shelf_folder(state)).all() if one.note.name == ENVIRONMENT)
    ready = next(found, None)
    if ready is None:
        raise SystemExit(f"Make it first: bitgauge environments make {ENVIRONMENT}")
    made: dict[str, str] = {}
    for recipe in map(registry.parse, RECIPES):
        for model in zoo.models():
            path = folder / f"{model.name}.{recipe}.{KIND}"
            registry.build(
                BuildRequest(
                    recipe,
                    model.form(KIND),
                    path,
                    zoo.calibration_path(),
                    environment=ready.path,
                ),
                (KIND,),
            )
            made[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    builders = {recipe: registry.toolchain(registry.parse(recipe), (KIND,)) for recipe in RECIPES}
    record = {"builders": builders, "files": made}
    (folder / "built.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(zoo.evaluation_path().with_name("built"), Path(sys.argv[1]) if len(sys.argv) > 1 else None)
