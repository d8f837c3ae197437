"""What an agent's spool holds."""

from __future__ import annotations

from bitgauge.agents.storage.spool import Spool

from tests.labs.agent import Lab, fake_artifact

BASELINE = fake_artifact()


def spool_of(lab: Lab) -> Spool:
    return Spool(lab.folder / "home" / "agent" / "spool")


def is_empty(lab: Lab) -> bool:
    spool = spool_of(lab)
    return not spool.reports() and not spool.intents()
