"""Builds of one recipe for jobs of several batches: one where the batch does not matter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.coordinator import BASELINE, BUILT, open_lab

KEY = BuildKey(BASELINE, "int8-static-u8s8-pc", None, "", "onnxruntime", "onnx")


@pytest.mark.parametrize(("depends", "built"), [(False, 1), (True, 3)])
async def test_they_share_what_holds_for_every_batch(
    depends: bool, built: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_lab(monkeypatch) as lab:
        keys: list[BuildKey] = []

        async def build(key: BuildKey) -> BuildOutcome:
            await asyncio.sleep(0)
            keys.append(key)
            return BuildOutcome(BUILT, batch=key.batch if depends else 0)

        monkeypatch.setattr(lab.runner, "build", build)
        batches = (1, 4, 8, 4)
        asked = [lab.jobs.builds.outcome(replace(KEY, batch=batch)) for batch in batches]
        found = await asyncio.wait_for(asyncio.gather(*asked), 5)
        assert [one.batch for one in found] == [batch if depends else 0 for batch in batches]
        assert len(keys) == built
