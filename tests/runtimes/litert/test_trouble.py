"""What goes wrong with LiteRT in a real agent: one sentence each, the right blame, and it goes on.

What needs no process of its own is in `tests/agents/runtimes/litert`: files that are cut or of
another schema, operators and versions without a kernel, libraries that are not installed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.made import made_inputs
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import PassName, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.agent import Lab, open_lab
from tests.labs.graphs import lite
from tests.processes.bench import BRIEF

PASSES = (PassName.QUALITY,)
DELEGATE = """
#include <signal.h>
#include <stdlib.h>
#include <stddef.h>

typedef struct TfLiteDelegate {
  void* data;
  int (*prepare)(void* context, struct TfLiteDelegate* delegate);
  void* rest[8];
} TfLiteDelegate;

static int crashes(void* context, TfLiteDelegate* delegate) { abort(); }

TfLiteDelegate* tflite_plugin_create_delegate(
    char** keys, char** values, size_t count, void (*report)(const char*)) {
#ifdef ILLEGAL
  __builtin_trap();
#endif
  TfLiteDelegate* made = calloc(1, sizeof(TfLiteDelegate));
  made->prepare = crashes;
  return made;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { free(delegate); }
"""
RUNTIME = """
\"\"\"LiteRT whose delegates lie in a folder of a test.\"\"\"

from dataclasses import replace

from bitgauge.agents.runtimes import litert
from bitgauge.agents.runtimes.litert import delegates, empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

delegates._FOLDERS = ({folder!r},)
NAME = "elsewhere"
RANK = 1
HINT = litert.HINT
TRAITS = replace(
    litert.TRAITS,
    options=(RuntimeOption(delegates.DELEGATE, delegates.installed()),),
    kernels=None,
    anchors=None,
)


def probe():
    return replace(litert.probe(), name=NAME)
"""
CC = pytest.mark.skipif(shutil.which("cc") is None, reason="NOT RUN: install a C compiler")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    (tmp_path / "lab").mkdir()
    async with open_lab(tmp_path / "lab") as made:
        yield made


def samples(folder: Path, values: np.ndarray) -> bytes:
    """An evaluation set for `lite.doubled`."""
    path = folder / "set.npz"
    ids = np.array([f"s{at}" for at in range(len(values))])
    write_evaluation_set(path, EvaluationSet({"x": values}, np.arange(len(values)) % 4, ids))
    return path.read_bytes()


def compiled(folder: Path, *flags: str) -> None:
    """A library of a delegate on the agent's list, which is none."""
    folder.mkdir()
    source, library = folder / "delegate.c", folder / "libedgetpu.so.1"
    source.write_text(DELEGATE)
    subprocess.run(["cc", "-shared", "-fPIC", *flags, "-o", library, source], check=True)


def told(report: RunReport) -> tuple[str, str]:
    """Code and blame of a failure of one sentence."""
    assert report.failure is not None
    assert "\n" not in report.failure.message
    assert report.failure.advice
    return report.failure.code, report.failure.group.value


@CC
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("flags", "code"), [((), "crash_abrt"), (("-DILLEGAL",), "crash_ill")], ids=["abort", "illegal"]
)
async def test_a_delegate_that_crashes_takes_no_agent_along(
    lab: Lab, tmp_path: Path, flags: tuple[str, ...], code: str
) -> None:
    """Its library aborts while it takes the graph, or holds an instruction that nothing has."""
    folder = tmp_path / "libraries"
    compiled(folder, *flags)
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/elsewhere.py").write_text(RUNTIME.format(folder=str(folder)))
    lab.plugins = (tmp_path / "plug",)
    model, evaluation = lite.doubled().encoded(), samples(tmp_path, np.ones((8, 4), np.float32))
    options = replace(BRIEF, session_options=(StackItem("delegate", "edgetpu"),))
    lab.assignment(
        [model], runtime="elsewhere", evaluation=evaluation, passes=PASSES, overrides=options
    )
    async with lab.agent():
        (crashed,) = await lab.reports(1, timeout_s=140)
        lab.assignment([model], runtime="elsewhere", evaluation=evaluation, passes=PASSES)
        *_, good = sorted(
            await lab.reports(2, timeout_s=140), key=lambda one: bool(not one.failure)
        )
    assert told(crashed) == (code, "artifact")
    assert crashed.attempts == 2, "it was confirmed"
    assert good.failure is None


@pytest.mark.timeout(300)
async def test_files_and_samples_of_every_wrong_kind_are_one_sentence_each(
    lab: Lab, tmp_path: Path
) -> None:
    values = np.ones((8, 4), np.float32)
    onnx = zoo.models()[0].path.read_bytes()
    program = zoo.models()[0].path.with_suffix(".pt2").read_bytes()
    newer = bytearray(lite.doubled().encoded())
    strange = {
        "an ONNX file": onnx,
        "a PyTorch program": program,
        "another schema": bytes(newer[:4]) + b"TFL9" + bytes(newer[8:]),
        "several signatures": lite.doubled(signatures=("serve", "train")).encoded(),
        "other inputs": lite.mlp().encoded(),
    }
    good = lite.doubled().encoded()
    lab.assignment(
        [good, *strange.values(), good],
        runtime="litert",
        evaluation=samples(tmp_path, values),
        passes=PASSES,
    )
    async with lab.agent():
        first, *troubled, last = await lab.reports(len(strange) + 2, timeout_s=280)
    assert (first.failure, last.failure) == (None, None)
    found = {name: told(report) for name, report in zip(strange, troubled, strict=True)}
    assert found == {
        "an ONNX file": ("bad_model", "artifact"),
        "a PyTorch program": ("bad_model", "artifact"),
        "another schema": ("bad_model", "artifact"),
        "several signatures": ("unsupported_artifact", "artifact"),
        "other inputs": ("bad_evaluation_set", "artifact"),
    }
    assert {report.status for report in troubled} == {RunStatus.FAILED, RunStatus.UNSUPPORTED}


@pytest.mark.timeout(300)
async def test_samples_that_are_no_numbers_or_none_at_all_are_one_sentence(
    lab: Lab, tmp_path: Path
) -> None:
    odd = np.ones((8, 4), np.float32)
    odd[3, 1] = np.nan
    sets = [samples(tmp_path, one) for one in (odd, np.ones((0, 4), np.float32))]
    sets.append(samples(tmp_path, np.ones((8, 4), np.float32)))
    model = lite.doubled().encoded()
    jobs = [
        lab.assignment([model], runtime="litert", evaluation=one, passes=PASSES) for one in sets
    ]
    async with lab.agent():
        found = {one.job_id: one for one in await lab.reports(3, timeout_s=280)}
    *troubled, good = (found[job.job_id] for job in jobs)
    assert [told(one) for one in troubled] == [("bad_evaluation_set", "artifact")] * 2
    assert "NaN" in (troubled[0].failure.message if troubled[0].failure else "")
    assert good.failure is None


def test_a_free_axis_without_an_example_asks_for_one(tmp_path: Path) -> None:
    free = lite.doubled()
    tensors = tuple(replace(one, shape=(-1, -1)) for one in free.tensors)
    path = tmp_path / "free.tflite"
    path.write_bytes(replace(free, tensors=tensors).encoded())
    with pytest.raises(BitgaugeError, match=r"axis 1 of its input 'x' has any size: give an eval"):
        made_inputs(inspect_model(path).inputs, {})
