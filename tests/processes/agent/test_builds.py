"""A runtime that builds a program of each artifact: it is built once, kept sealed, and told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.vocabulary.enums import PassName

from tests.labs.agent import Lab, fake_artifact, open_lab

RUNTIME = '''
"""The fake runtime, whose artifacts have to be fired first; a second of work."""
import time
from dataclasses import replace

from bitgauge.agents.runtimes import fake
from bitgauge.agents.runtimes.fake import RANK, HINT, empty_artifact, prepare
from bitgauge.agents.runtimes.base import Traits

NAME = "kiln"
TRAITS = Traits(artifact_kinds=("fake",), builds=True)


def probe():
    return replace(fake.probe(), name=NAME)


class Fired(fake.FakeSession):
    built = of = "nothing"

    def options_set(self):
        return {"program built": self.built, "of": self.of}


def load(path, options):
    session = Fired(fake._read(path, {}), options, {})
    for kept in filter(None, (options.built_before, options.build_into)):
        if kept.is_file():
            session.built, session.of = "before", kept.read_text()
            return session
    if options.build_into is not None:
        for step in range(12):
            time.sleep(0.1)
            options.building((step + 1) / 12)
        options.build_into.write_text("clay")
        session.built, session.of = "now", "clay"
    return session
'''
ARTIFACTS = [fake_artifact(), fake_artifact(offset=0.0, latency_ns=1000)]


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    folder = tmp_path / "plugins/runtimes"
    folder.mkdir(parents=True)
    (folder / "kiln.py").write_text(RUNTIME)
    return folder.parent


async def built(lab: Lab) -> list[str]:
    """How the candidate's launches of one more job came by their program, each way once."""
    before = set(lab.coordinator.reports)
    lab.assignment(ARTIFACTS, runtime="kiln", passes=(PassName.QUALITY,))
    reports = await lab.reports(len(before) + 2, 120)
    (candidate,) = (one for one in reports if one.run_id not in before and one.entry_index == 1)
    assert candidate.failure is None, candidate.failure
    raws = [read_raw(lab.coordinator.blobs[one.digest.sha256]) for one in candidate.raw]
    told = [given_of(one).session_options or "" for one in raws]
    return [word for word in ("now", "before") if any(f"built={word}" in one for one in told)]


@pytest.mark.timeout(300)
async def test_what_a_runtime_builds_is_kept_sealed_and_its_progress_told(
    tmp_path: Path, plugins: Path
) -> None:
    async with (
        open_lab(tmp_path, plugins=(plugins,), devices=("fake",)) as lab,
        lab.agent(),
    ):
        assert await built(lab) == ["now"]
        steps = [one.progress.step for one in lab.coordinator.renewals]
        assert any(", building " in one for one in steps), set(steps)
        assert await built(lab) == ["before"]
        (kept,) = (one for one in (tmp_path / "home").rglob("built/*/*/*") if one.is_file())
        assert kept.read_text() == "clay"
        kept.write_text("another's")
        assert await built(lab) == ["now"]
