"""A device's llama.cpp is certified by requests of the zoo's decoder, with one command."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.enums import PassName

from tests.labs.decoders import job
from tests.processes.conftest import Up


@pytest.mark.timeout(600)
def test_a_rehearsal_compares_prefill_and_decode_and_certifies_nothing(up: Up) -> None:
    asked = ("--runtime", "llamacpp", "--comparisons", "1")
    with job.device(up):
        said = up.bitgauge("certify", job.NAME, *asked, patience_s=500)
    assert said.returncode == 1, said.stderr
    assert f"{job.NAME} with llamacpp gets no A/A certificate: " in said.stdout
    assert "ttft_ratio: 1 comparisons prove nothing" in said.stdout
    assert "tpot_ratio: 1 comparisons prove nothing" in said.stdout
    with up.client() as client:
        views = [one for one in client.devices() if one.description.name == job.NAME]
        [certificate] = (one for view in views for one in view.aa_certificates)
        assert (certificate.runtime, certificate.asked) == ("llamacpp", 1)
        (run,) = (one for one in client.runs(certificate.job_id) if one.entry_index == 1)
    assert {ref.pass_name for ref in run.raw} == {PassName.GENERATION, PassName.SENTINEL}
    found = {one.key: one for one in run.metrics}
    for key in ("ttft_ratio", "tpot_ratio"):
        value = found[key].value
        assert value is None or 0.5 < value < 2
