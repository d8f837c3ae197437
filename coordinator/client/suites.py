"""A suite file and the files that it names: read, hashed, and named by content."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.refresh.suite import ModelFiles, parse_suite, volumes_of_csv
from bitgauge.benchmarks.suites import FOLDER, shipped
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.typed import nearest
from bitgauge.benchmarks.vocabulary.values.campaigns import Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.jobs import ModelSource

from ..models.recognise import kind_of
from .artifacts import local_artifact
from .upload import LocalFile, local_file

_MODELS: tuple[zoo.ZooModel | zoo.ZooDecoder, ...] = (*zoo.models(), zoo.decoder())
_ZOO = {one.name: one for one in _MODELS}
MAX_SUITE_BYTES = 4 << 20
"""Of a suite file, or of the volumes that it names."""


@dataclass(frozen=True, slots=True)
class LocalSuite:
    """A suite, and the files on this machine that it is about."""

    suite: Suite
    files: tuple[LocalFile, ...]


def read_suite(name: str) -> LocalSuite:
    """The suite in a file, or one that ships, by its name.

    Raises:
        BadInput: `BAD_SUITE` with file, line and key; `FILE_UNREADABLE`.
    """
    path = _path(name)
    said = parse_suite(_text(path), str(path), _ZOO, path.stem)
    volumes = said.suite.volumes
    if said.volume_file is not None:
        listed = path.parent / said.volume_file
        volumes += volumes_of_csv(_text(listed), str(listed))
    found = [_pinned(model, path.parent) for model in said.models]
    files = {file.digest: file for _, files in found for file in files}
    suite = replace(said.suite, models=tuple(model for model, _ in found), volumes=volumes)
    return LocalSuite(suite, tuple(files.values()))


def _pinned(model: ModelFiles, folder: Path) -> tuple[SuiteModel, list[LocalFile]]:
    kind = model.model_class
    if model.zoo:
        known = _ZOO[model.zoo]
        kind = kind or known.model_class
        paths = [known.path, known.evaluation_path, known.calibration_path]
    else:
        given = (model.baseline, model.evaluation, model.calibration)
        paths = [folder / one for one in given if one]
    baseline, sets = local_artifact(paths[0]), [local_file(path) for path in paths[1:]]
    sources = [local_artifact(folder / one) for one in model.sources]
    return (
        SuiteModel(
            name=model.name,
            baseline=baseline.digest,
            evaluation=sets[0].digest,
            calibration=sets[1].digest if len(sets) > 1 else None,
            model_class=kind,
            output=model.output,
            dims=model.dims,
            float32=model.float32,
            sources=tuple(
                ModelSource(one.digest, one.path.name, kind_of(one.path, str(one.path)))
                for one in sources
            ),
        ),
        [*baseline.files, *sets, *(file for one in sources for file in one.files)],
    )


def _path(name: str) -> Path:
    """A file, or a suite that ships when no file has that name."""
    path = Path(name)
    if not path.exists() and re.fullmatch(r"[\w-]+", name):
        if name in shipped():
            return FOLDER / f"{name}.toml"
        hint = nearest(name, shipped())
        meant = f"; did you mean {hint}?" if hint else "."
        raise BadInput(
            Code.BAD_SUITE, f"There is no file {name}, and no suite of that name ships{meant}"
        )
    return path


def _text(path: Path) -> str:
    try:
        return (
            bounded_bytes(path, MAX_SUITE_BYTES, Code.BAD_SUITE)
            .decode("utf-8")
            .replace("\r\n", "\n")
        )
    except UnicodeDecodeError as error:
        raise BadInput(Code.BAD_SUITE, f"{path} is not UTF-8 text: {error.reason}.") from error
