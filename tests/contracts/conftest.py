"""A coordinator with everybody at its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bitgauge.coordinator.access.administration import Administration
from bitgauge.coordinator.lab.assemble import Lab, assemble
from bitgauge.coordinator.services.server import Servicers, servicers_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.values import LeaseTerms
from bitgauge.coordinator.store.writer import Writer

from tests.labs.access import Clock, gate
from tests.labs.coordinator import FakeRunner
from tests.labs.rooms.everybody import FILES, Everybody, _named, introduce


@pytest.fixture
async def everybody(tmp_path: Path) -> AsyncIterator[Everybody]:
    labs: list[Lab] = []
    blobs = BlobStore(tmp_path / "blobs")

    def services(writer: Writer, administration: Administration, clock: Clock) -> Servicers:
        labs.append(assemble(writer, FakeRunner(), LeaseTerms(), blobs=blobs))
        return servicers_of(labs[0], administration, blobs)

    async with gate(tmp_path, services) as door:
        for content in FILES.values():
            digest = _named(content)
            blobs.append(digest, 0, content)
            blobs.finish(digest)
            await door.writer.call(lambda store, one=digest: store.record_blob(one, 1))  # type: ignore[misc]
        made = Everybody(door, labs[0])
        await introduce(made)
        made.lab.dispatcher.start(made.lab.driver.run)
        try:
            yield made
        finally:
            assert not made.lab.dispatcher.task.done()
            await made.lab.dispatcher.stop()
