"""Every recipe of a model that somebody else trained is measured, or says why it is not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES

from tests.processes.bench import AgentService
from tests.processes.conftest import BITGAUGE, Up, environment

from . import models, sets
from .models import MODELS, RealModel

SHORT = ("--launches", "1", "--budget", "100ms", "--warm-up", "20ms")
SAMPLES = (4, 4)
"""To judge and to calibrate on: enough to see that it works."""
HOUR_S = 3600
LONG_LEASES = ("--lease-ttl", "60", "--renew-every", "5", "--unreachable-after", "20")
INNER = re.compile(r"Traceback|unexpected error|no message|/tmp/")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""A page has a list of them; a sentence has none."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    if absent := models.missing():
        pytest.skip(f"NOT RUN: not installed in {models.FOLDER.name}: {absent}")
    up = Up.start(tmp_path_factory.mktemp("home"), *LONG_LEASES)
    agent = AgentService.of(up)
    yield up
    agent.end()
    assert up.stop() == []


def said(lab: Up, *arguments: str) -> str:
    """What a command prints; it works, and nothing of it is for its makers."""
    ended = subprocess.run(
        [BITGAUGE, *arguments, "--coordinator", lab.address],
        env=environment(lab.home),
        capture_output=True,
        text=True,
        timeout=HOUR_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    if not {"--json", "--output"} & set(arguments):  # which hold digests, and the path asked for
        words = ended.stdout + ended.stderr
        assert not INNER.search(words)
        assert not DIGEST.search(words)
    return ended.stdout


def options(model: RealModel, folder: Path) -> tuple[str, ...]:
    evaluation, calibration = folder / "evaluation.npz", folder / "calibration.npz"
    if model.name == "magika":
        config = model.path.with_name("config.min.json")
        sets.write_files(config, evaluation, calibration, SAMPLES)
    else:
        assert model.made is not None
        sets.write_made(
            model.path, model.made, evaluation, calibration, SAMPLES, labelled=model.labelled
        )
    return ("--eval", str(evaluation), "--calibration", str(calibration))


@pytest.mark.timeout(HOUR_S)
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_recipe_is_measured_or_says_why(model: RealModel, lab: Up, tmp_path: Path) -> None:
    given = ("--baseline", str(model.path), "--name", model.name, *options(model, tmp_path))
    result = json.loads(said(lab, "run", *given, "--recipes", "all", *SHORT, "--wait", "--json"))
    (job,) = result["jobs"]
    found = {entry["recipe"]: entry["reason"] or entry["state"] for entry in job["entries"]}
    expected = dict.fromkeys(map(str, DEFAULT_RECIPES), "accepted")
    assert found == {**expected, **model.reasons}
    assert {row["model_class"] for row in result["rows"]} == {model.model_class}
    run_id = worst(result["rows"])
    assert said(lab, "explain", run_id)
    page = tmp_path / "run.html"
    said(lab, "report", run_id, "--output", str(page))
    assert not INNER.search(page.read_text().split("<body")[1].split("<script")[0])


def worst(rows: list[dict[str, Any]]) -> str:
    """The run whose latency is the largest of its reference's."""

    def ratio(row: dict[str, Any]) -> float:
        values = [one["value"] for one in row["metrics"] if one["key"] == "latency_ratio"]
        return max((value for value in values if value is not None), default=0.0)

    run_id: str = max((row for row in rows if row["run_id"]), key=ratio)["run_id"]
    return run_id
