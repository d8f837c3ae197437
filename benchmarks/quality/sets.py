"""Evaluation and calibration sets: npz files that users bring (DESIGN 10.11).

Arrays `inputs/<name>` for each input of the model, and optionally `labels`, `ids` (unique text),
`strata` and `cluster`; the first axis of each is samples. `schema` says `bitgauge.eval/1`, and
`preprocessing` (JSON) how the samples were made. Both kinds of set have the same form; only the
code of their errors differs.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..common.files import whole_file
from ..common.npz import Arrays, read_npz, save_npz
from ..samples import Ints, Texts
from ..vocabulary.errors import BadInput, Code

SCHEMA = "bitgauge.eval/1"
PREFIX = "inputs/"
_OPTIONAL = ("labels", "ids", "strata", "cluster")
_PREPROCESSING = "preprocessing"
_LONGEST_ID = 200
_LONGEST_TOLD = 1 << 20


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input as a model declares it.

    Attributes:
        name: its name in the graph.
        dtype: numpy name of its element type, such as `float32`.
        shape: its dimensions, None where any size is taken; the first one is the batch.
        axes: names of the dimensions as the file has them, "" where it has none.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    axes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationSet:
    """Samples to run a model on.

    Attributes:
        inputs: arrays by input name, (samples, ...), finite numbers.
        labels: true class of each sample, (samples,), or which hold where several may, (samples,
            classes) of 0 and 1, or None.
        ids: unique name of each sample, (samples,).
        strata: group of each sample, (samples,), or None.
        cluster: source of each sample, (samples,); samples of one source are not independent.
        preprocessing: how the samples were made, as whoever made them wrote it; None: not told.
    """

    inputs: Arrays
    labels: Ints | None
    ids: Texts
    strata: npt.NDArray[Any] | None = None
    cluster: npt.NDArray[Any] | None = None
    preprocessing: Mapping[str, Any] | None = None

    def __len__(self) -> int:
        return int(self.ids.size)

    def taken(
        self, places: npt.NDArray[np.int64], preprocessing: Mapping[str, Any] | None = None
    ) -> EvaluationSet:
        """Some of its samples; how they were made as before, unless said otherwise."""
        return EvaluationSet(
            inputs={name: array[places] for name, array in self.inputs.items()},
            labels=None if self.labels is None else self.labels[places],
            ids=self.ids[places],
            strata=None if self.strata is None else self.strata[places],
            cluster=None if self.cluster is None else self.cluster[places],
            preprocessing=preprocessing or self.preprocessing,
        )


def read_evaluation_set(
    source: Path | bytes, code: Code = Code.BAD_EVALUATION_SET
) -> EvaluationSet:
    """Read and check a set.

    Args:
        source: the file, or its bytes.
        code: `bad_evaluation_set`, or `bad_calibration_set` for a calibration set.

    Raises:
        BadInput: with `code` for the first thing that is wrong, or `file_unreadable`.
    """
    arrays = read_npz(source, code, what="the set")
    schema = arrays.pop("schema", None)
    if schema is not None and str(schema) != SCHEMA:
        raise BadInput(code, f"The set says schema {str(schema)[:80]!r}, not {SCHEMA}.")
    told = _told(arrays.pop(_PREPROCESSING, None), code)
    inputs = {
        key.removeprefix(PREFIX): array for key, array in arrays.items() if key.startswith(PREFIX)
    }
    unknown = sorted(set(arrays) - set(_OPTIONAL) - {PREFIX + name for name in inputs})
    if unknown or not inputs:
        found = ", ".join(unknown)[:200] or "none"
        raise BadInput(code, f"The set needs arrays named inputs/<name>; other arrays: {found}.")
    samples = _check_lengths(arrays, code)
    for name, array in inputs.items():
        _check_numbers(name, array, code)
    return EvaluationSet(
        inputs=inputs,
        labels=_labels(arrays.get("labels"), code),
        ids=_ids(arrays.get("ids"), samples, code),
        strata=arrays.get("strata"),
        cluster=arrays.get("cluster"),
        preprocessing=told,
    )


def write_evaluation_set(path: Path, evaluation: EvaluationSet) -> None:
    """Write a set, whole or not at all; equal sets give equal bytes."""
    with whole_file(path) as file:
        save_npz(file, _arrays_of(evaluation))


def encoded_set(evaluation: EvaluationSet) -> bytes:
    """The bytes that `write_evaluation_set` writes."""
    file = io.BytesIO()
    save_npz(file, _arrays_of(evaluation))
    return file.getvalue()


def _arrays_of(evaluation: EvaluationSet) -> Arrays:
    arrays: Arrays = {"schema": np.array(SCHEMA), "ids": evaluation.ids}
    arrays |= {PREFIX + name: array for name, array in evaluation.inputs.items()}
    for name in ("labels", "strata", "cluster"):
        array = getattr(evaluation, name)
        if array is not None:
            arrays[name] = array
    if evaluation.preprocessing is not None:
        told = msgspec.json.encode(evaluation.preprocessing, order="sorted").decode()
        arrays[_PREPROCESSING] = np.array(told)
    return arrays


def check_inputs(
    evaluation: EvaluationSet,
    specs: Sequence[InputSpec],
    code: Code = Code.BAD_EVALUATION_SET,
) -> None:
    """Refuse a set whose arrays are not what the model takes.

    Raises:
        BadInput: with `code`, naming the input, what it is and what the model wants.
    """
    wanted, given = {spec.name for spec in specs}, set(evaluation.inputs)
    if wanted != given:
        raise BadInput(
            code,
            f"The model takes inputs {_names(wanted)}, the set has {_names(given)}.",
        )
    for spec in specs:
        array = evaluation.inputs[spec.name]
        if array.dtype != np.dtype(spec.dtype):
            raise BadInput(
                code, f"Input {spec.name!r} is {array.dtype}, the model takes {spec.dtype}."
            )
        if not spec.shape:
            raise BadInput(
                code,
                f"Input {spec.name!r} of the model is one number for a whole call, where a set has"
                " one for each sample: make it a constant of the model.",
            )
        pairs = zip(array.shape[1:], spec.shape[1:], strict=False)
        fits = array.ndim == len(spec.shape) and all(w is None or h == w for h, w in pairs)
        if not fits:
            shape = tuple("any" if size is None else size for size in spec.shape[1:])
            raise BadInput(
                code,
                f"One sample of input {spec.name!r} has shape {array.shape[1:]},"
                f" the model takes {shape}.",
            )


def content_hashes(evaluation: EvaluationSet) -> frozenset[str]:
    """SHA-256 of each sample's inputs, whatever its id."""
    return frozenset(sample_hashes(evaluation))


def sample_hashes(evaluation: EvaluationSet) -> list[str]:
    """SHA-256 of each sample's inputs, in order."""
    hashes = []
    for index in range(len(evaluation)):
        digest = hashlib.sha256()
        for name in sorted(evaluation.inputs):
            row = np.ascontiguousarray(evaluation.inputs[name][index])
            digest.update(f"{name}\0{row.dtype.str}\0{row.shape}\0".encode())
            digest.update(row.tobytes())
        hashes.append(digest.hexdigest())
    return hashes


def require_disjoint(calibration: EvaluationSet, evaluation: EvaluationSet) -> None:
    """Refuse a calibration set that shares a sample with the evaluation set.

    Raises:
        BadInput: code `bad_calibration_set`, with the number of shared samples.
    """
    shared = len(content_hashes(calibration) & content_hashes(evaluation))
    if shared:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"{shared} calibration samples are also in the evaluation set.",
        )


def _check_lengths(arrays: Arrays, code: Code) -> int:
    lengths = {key: array.shape[0] if array.ndim else 0 for key, array in arrays.items()}
    samples = max(lengths.values())
    if samples == 0 or set(lengths.values()) != {samples}:
        listed = ", ".join(f"{key} {length}" for key, length in sorted(lengths.items()))[:200]
        raise BadInput(code, f"The arrays do not hold equally many samples: {listed}.")
    return samples


def _check_numbers(name: str, array: npt.NDArray[Any], code: Code) -> None:
    if array.dtype.kind not in "biuf":
        raise BadInput(code, f"Input {name!r} holds {array.dtype}, not numbers.")
    if array.dtype.kind == "f":
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        if bad:
            raise BadInput(code, f"Input {name!r} holds {bad} values that are NaN or infinite.")


def _labels(labels: npt.NDArray[Any] | None, code: Code) -> Ints | None:
    if labels is None:
        return None
    whole = labels.dtype.kind in "iub"
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.reshape(-1)
    if labels.ndim == 2 and whole and np.isin(labels, (0, 1)).all():
        return labels.astype(np.int64)
    if labels.ndim != 1 or not whole:
        raise BadInput(
            code,
            f"The labels are {labels.dtype} {labels.shape}, neither one whole number per sample"
            " nor a 0 or 1 for each class.",
        )
    return labels.astype(np.int64)


def _ids(ids: npt.NDArray[Any] | None, samples: int, code: Code) -> Texts:
    if ids is None:
        return np.array([str(index) for index in range(samples)])
    if ids.ndim != 1 or ids.dtype.kind not in "Uiu":
        raise BadInput(code, "The ids are not one text per sample.")
    text: Texts = ids.astype(np.str_)
    if np.unique(text).size != samples:
        raise BadInput(code, f"Only {np.unique(text).size} of {samples} ids are different.")
    if text.dtype.itemsize // 4 > _LONGEST_ID:
        raise BadInput(code, f"An id is longer than {_LONGEST_ID} characters.")
    return text


def _told(text: npt.NDArray[Any] | None, code: Code) -> Mapping[str, Any] | None:
    if text is None:
        return None
    try:
        if text.shape or text.dtype.kind != "U" or text.nbytes > 4 * _LONGEST_TOLD:
            raise ValueError("it is no text of bearable length")
        found: dict[str, Any] = msgspec.json.decode(str(text), type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise BadInput(code, "What the set says of its preprocessing is no JSON object.") from error
    return found


def _names(names: set[str]) -> str:
    return (", ".join(sorted(names)) or "none")[:200]
