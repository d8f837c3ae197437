"""Answers of two runs, read from the raw files that a store holds."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.coordinator.client.gates.paired import paired_of_runs
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.store.blobs.files import blob_file

from tests.labs.stored_run import store_run


def test_a_run_answers_as_itself_and_what_cannot_be_read_is_not_paired(tmp_path: Path) -> None:
    stored = store_run(tmp_path)
    with Offline(stored.database) as source:
        run = source.run(stored.run_id)
        delta = next(one for one in run.metrics if one.key == "accuracy_delta_pp")
        found = paired_of_runs(source, stored.run_id, stored.run_id)
        assert found is not None
        assert (found.n, found.b, found.c) == (delta.n, 0, 0)
        assert paired_of_runs(source, stored.run_id, stored.baseline_run_id) is None
        for ref in run.raw:
            if ref.pass_name is PassName.QUALITY:
                blob_file(stored.blobs, ref.digest).unlink()
        assert paired_of_runs(source, stored.run_id, stored.run_id) is None
