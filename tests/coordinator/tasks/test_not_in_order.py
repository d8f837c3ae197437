"""What people bring that is not in order, from the look at the job to the artifact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.decisions import submission
from bitgauge.coordinator.decisions.submission import Inspection
from bitgauge.coordinator.tasks import order
from bitgauge.coordinator.tasks.inspect_job import inspect_job

from tests.labs.graphs.disorder import Disorder, model_of, samples

SENT, IN_ORDER, EVALUATION = (Digest(one * 64, 1) for one in "abc")
SPEC = JobSpec("mine", SENT, (Entry("", SENT, "mine.onnx"),), EVALUATION)
DENSE = ("dense", "dense", "norm")


class Lab:
    """The files of one job, and what the coordinator does with them."""

    def __init__(self, folder: Path, model: Any) -> None:
        self.folder = folder
        self.files = {SENT: folder / "sent", IN_ORDER: folder / "ordered", EVALUATION: folder / "e"}
        self.files[SENT].write_bytes(model.SerializeToString())
        for name, seed in (("e", 1), ("calibration", 2)):
            with open(folder / name, "wb") as file:
                np.savez(file, **{"inputs/x": samples(64, seed)})

    def look(self, spec: JobSpec) -> Inspection:
        return inspect_job(submission.completed(spec), self.files.__getitem__, {})

    def ordered(self, spec: JobSpec) -> JobSpec:
        terms = order.wanted_by(submission.order_recipe(spec))
        notes = order.put_in_order(
            self.files[SENT], self.files[EVALUATION], terms, self.files[IN_ORDER]
        )
        return submission.ordered(submission.completed(spec), IN_ORDER, notes)

    def build(self, recipe: str) -> BuildRequest:
        output, calibration = self.folder / recipe, self.folder / "calibration"
        asked = BuildRequest(parse(recipe), self.files[IN_ORDER], output, calibration)
        registry.build(asked)
        return asked


@pytest.mark.parametrize("recipe", ["fp16", "int8-dynamic", "int8-static-u8s8-pc", "int4-wo-b32"])
def test_an_old_opset_with_its_weights_among_the_inputs_is_built(
    recipe: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path, model_of(Disorder(opset=9, ir=3, listed=True, layers=DENSE)))
    notes = ("initializers were listed as inputs: 8", "opset 9 to 13")
    assert lab.look(SPEC).disorder == notes
    spec = lab.ordered(SPEC)
    assert (spec.original, spec.order, spec.baseline) == (SENT, notes, IN_ORDER)
    found = inspect_job(spec, lab.files.__getitem__, {})
    assert (found.disorder, found.recipes) == ((), ("fp32",))
    assert lab.build(recipe).output.stat().st_size > 0


def test_weights_of_doubles_are_called_so_and_are_built_once_converted(tmp_path: Path) -> None:
    lab = Lab(tmp_path, model_of(Disorder(doubles=True, layers=DENSE)))
    with pytest.raises(BadInput) as caught:
        lab.look(SPEC)
    assert caught.value.code is Code.DOUBLE_PRECISION
    assert caught.value.sentence == (
        "The baseline mine.onnx holds its weights in double precision, and a baseline is fp32."
    )
    assert "--float32" in caught.value.advice
    asked = replace(SPEC, float32=True)
    assert lab.look(asked).disorder == ("doubles became float32: 8 tensors",)
    assert inspect_job(lab.ordered(asked), lab.files.__getitem__, {}).recipes == ("fp32",)
    assert lab.build("int4-wo-b32").output.exists()


def test_doubles_that_float32_cannot_hold_are_refused_with_the_reason(tmp_path: Path) -> None:
    model = model_of(Disorder(doubles=True, layers=("scale",)))
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.raw_data = np.full(tuple(weight.dims), 1e300).tobytes()
    lab = Lab(tmp_path, model)
    with pytest.raises(BadInput, match=r"could not be converted to float32: .* cannot hold"):
        inspect_job(lab.ordered(replace(SPEC, float32=True)), lab.files.__getitem__, {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("S", "has no axis 'S'; it has no named axis to fix."),
        ("N", "The axis 'N' of the baseline mine.onnx is its batch; give --batch."),
    ],
)
def test_a_size_for_no_axis_is_refused(name: str, words: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, model_of(Disorder()))
    with pytest.raises(BadInput) as caught:
        lab.look(replace(SPEC, dims=(StackItem(name, "6"),)))
    assert words.lower() in caught.value.sentence.lower()
