"""Evaluation and calibration sets: npz files that users bring (DESIGN 10.11).

Arrays `inputs/<name>` for each input of the model, and optionally `labels`, `ids` (unique text),
`strata` and `cluster`; the first axis of each is samples. What is not about classes says its `task`
and what is true in `truth/<name>` (`tasks`). `schema` says `bitgauge.eval/1`, and
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
from ..common.npz import Arrays, Header, Npz, opened_npz, save_npz
from ..samples import Ints, Texts
from ..vocabulary.errors import BadInput, Code

SCHEMA = "bitgauge.eval/1"
PREFIX = "inputs/"
_OPTIONAL = ("labels", "ids", "strata", "cluster")
_SCHEMA, _PREPROCESSING, _TASK = "schema", "preprocessing", "task"
TRUTH = "truth/"
_CHARACTER_BYTES = 4
_AT_ONCE = 1 << 22
"""Values that are looked at in one go: whether a number is finite takes a byte each."""

MAX_SAMPLES = 1_000_000
MAX_LABELS = 1 << 24
"""Of all samples together, where several classes may hold for one: they are kept in 64 bits."""
LONGEST_ID = 200
"""Characters."""
MAX_TEXT_BYTES = 128 << 20
"""Of ids, strata or clusters: four for each character of the longest, for every sample."""
LONGEST_PREPROCESSING = 1 << 20
"""Characters."""


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
        task: what is judged where it is not classes, ``NAME`` or ``NAME@K``; empty: classes.
        truth: what is true of each sample for that, by name.
    """

    inputs: Arrays
    labels: Ints | None
    ids: Texts
    strata: npt.NDArray[Any] | None = None
    cluster: npt.NDArray[Any] | None = None
    preprocessing: Mapping[str, Any] | None = None
    task: str = ""
    truth: Arrays = field(default_factory=dict)

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
            task=self.task,
            truth={name: array[places] for name, array in self.truth.items()},
        )


def read_evaluation_set(
    source: Path | bytes, code: Code = Code.BAD_EVALUATION_SET, *, what: str = ""
) -> EvaluationSet:
    """Read and check a set; what its headers say is checked before anything is unpacked.

    Args:
        source: the file, or its bytes.
        code: `bad_evaluation_set`, or `bad_calibration_set` for a calibration set.
        what: how sentences call it; else by the name of the file.

    Raises:
        BadInput: with `code` for the first thing that is wrong, or `file_unreadable`.
    """
    what = what or ("the set" if isinstance(source, bytes) else f"the set {source.name}")
    with opened_npz(source, code, what=what) as npz:
        samples = _require_bounded(npz.headers, code)
        return _read(npz, samples, code)


def _require_bounded(headers: Mapping[str, Header], code: Code) -> int:
    """How many samples a set holds, every array of which can be borne."""
    inputs = [name for name in headers if name.startswith(PREFIX)]
    truth = [name for name in headers if name.startswith(TRUTH)]
    unknown = sorted({*headers} - {*_OPTIONAL, _SCHEMA, _PREPROCESSING, _TASK, *inputs, *truth})
    if unknown or not inputs:
        found = ", ".join(unknown)[:200] or "none"
        raise BadInput(code, f"The set needs arrays named inputs/<name>; other arrays: {found}.")
    each = {name: headers[name] for name in (*inputs, *truth, *_OPTIONAL) if name in headers}
    samples = _check_lengths(each, code)
    for name, header in each.items():
        if header.dtype.kind == "U":
            _require_short(name, header, code)
    if "labels" in each and each["labels"].items > MAX_LABELS:
        raise BadInput(
            code, f"The set holds {each['labels'].items} labels; {MAX_LABELS} are taken at most."
        )
    for name in (_SCHEMA, _PREPROCESSING, _TASK):
        told = headers.get(name)
        if told and (told.shape or told.nbytes > _CHARACTER_BYTES * LONGEST_PREPROCESSING):
            raise BadInput(code, f"What the set says of its {name} is no text of bearable length.")
    return samples


def _require_short(name: str, header: Header, code: Code) -> None:
    longest = header.dtype.itemsize // _CHARACTER_BYTES
    if longest > LONGEST_ID:
        what = "An id" if name == "ids" else f"A text of {name}"
        raise BadInput(code, f"{what} is longer than {LONGEST_ID} characters.")
    if header.nbytes > MAX_TEXT_BYTES:
        raise BadInput(
            code,
            f"The texts of {name} take {header.nbytes} bytes, {MAX_TEXT_BYTES} are taken at most:"
            " make them shorter, or numbers.",
        )


def _read(npz: Npz, samples: int, code: Code) -> EvaluationSet:
    def optional(name: str) -> npt.NDArray[Any] | None:
        return npz.array(name) if name in npz.headers else None

    schema = optional(_SCHEMA)
    if schema is not None and str(schema) != SCHEMA:
        raise BadInput(code, f"The set says schema {str(schema)[:80]!r}, not {SCHEMA}.")
    told = _told(optional(_PREPROCESSING), code)
    task = optional(_TASK)
    inputs: Arrays = {}
    for key in npz.headers:
        if key.startswith(PREFIX):
            name = key.removeprefix(PREFIX)
            inputs[name] = npz.array(key)
            _check_numbers(name, inputs[name], code)
    return EvaluationSet(
        inputs=inputs,
        labels=_labels(optional("labels"), code),
        ids=_ids(optional("ids"), samples, code),
        strata=optional("strata"),
        cluster=optional("cluster"),
        preprocessing=told,
        task="" if task is None else str(task),
        truth={
            key.removeprefix(TRUTH): npz.array(key) for key in npz.headers if key.startswith(TRUTH)
        },
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
    arrays |= {TRUTH + name: array for name, array in evaluation.truth.items()}
    if evaluation.task:
        arrays[_TASK] = np.array(evaluation.task)
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


def _check_lengths(headers: Mapping[str, Header], code: Code) -> int:
    lengths = {key: one.shape[0] if one.shape else 0 for key, one in headers.items()}
    samples = max(lengths.values())
    if samples == 0 or set(lengths.values()) != {samples}:
        listed = ", ".join(f"{key} {length}" for key, length in sorted(lengths.items()))[:200]
        raise BadInput(code, f"The arrays do not hold equally many samples: {listed}.")
    if samples > MAX_SAMPLES:
        raise BadInput(
            code, f"The set holds {samples} samples; {MAX_SAMPLES} are taken at most: draw some."
        )
    return samples


def _check_numbers(name: str, array: npt.NDArray[Any], code: Code) -> None:
    if array.dtype.kind not in "biuf":
        raise BadInput(code, f"Input {name!r} holds {array.dtype}, not numbers.")
    if array.dtype.kind == "f":
        step = max(1, _AT_ONCE * len(array) // max(array.size, 1))
        parts = (array[at : at + step] for at in range(0, len(array), step))
        bad = array.size - sum(int(np.count_nonzero(np.isfinite(part))) for part in parts)
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
    return text


def _told(text: npt.NDArray[Any] | None, code: Code) -> Mapping[str, Any] | None:
    if text is None:
        return None
    try:
        if text.dtype.kind != "U":
            raise ValueError("it is no text")
        found: dict[str, Any] = msgspec.json.decode(str(text), type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise BadInput(code, "What the set says of its preprocessing is no JSON object.") from error
    return found


def _names(names: set[str]) -> str:
    return (", ".join(sorted(names)) or "none")[:200]
