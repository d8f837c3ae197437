"""Devices and their leases, as the store keeps them."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import Disposition, JobState
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.runs import Progress
from bitgauge.coordinator.store.store import Store

from tests.labs.refused import refused
from tests.labs.store import TERMS, Lab, spec
from tests.labs.values import device


class TestLeases:
    def test_a_device_is_idle_busy_or_unreachable(self, lab: Lab) -> None:
        def state() -> str:
            (view,) = lab.store.devices(lab.now_ns, TERMS)
            return view.state

        assert state() == "idle"
        lease = lab.claimed(lab.submit())
        assert state() == "busy"
        lab.wait(20.1)
        assert state() == "unreachable"
        lab.store.seen(device().device_id, "i1", lab.now_ns)
        assert state() == "busy"
        lab.renew(lease, hold_s=100)
        lab.wait(115)
        assert state() == "busy"
        lab.wait(6)
        assert state() == "unreachable"

    def test_an_older_incarnation_is_refused(self, lab: Lab) -> None:
        lab.register(incarnation="i2")
        with refused(Code.LEASE_LOST):
            lab.store.seen(device().device_id, "i1", lab.now_ns)

    def test_a_claim_hands_out_the_job_once(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert (lease.epoch, lease.ttl_ms, lease.renew_every_ms) == (1, 60_000, 5_000)
        assert lease.deadline_s == spec().deadline_s
        assert lab.claim(job_id, "nano") is None
        assert lab.job(job_id).device_name == "rpi5"

    def test_a_device_holds_one_lease(self, lab: Lab) -> None:
        lab.claimed(lab.submit())
        assert lab.claim(lab.submit()) is None

    def test_an_unregistered_device_claims_nothing(self, lab: Lab) -> None:
        job_id = lab.submit()
        with refused(Code.UNKNOWN_DEVICE):
            lab.claim(job_id, "nobody")
        assert lab.job(job_id).state is JobState.QUEUED
        assert lab.job(job_id).epoch == 0

    def test_renewing_keeps_a_lease(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for _ in range(3):
            lab.wait(59)
            assert lab.renew(lease) == "ok"
            assert lab.store.expire(lab.now_ns) == ()
        told = Progress(1, "int8-dynamic", "pair", 0.5)
        lab.store.renew(
            job_id, 1, lease.lease_token, progress=told, hold_ns=0, now_ns=lab.now_ns, terms=TERMS
        )
        assert lab.job(job_id).progress == told

    def test_a_hold_is_bounded(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.renew(lease, hold_s=1e9)
        lab.wait(60 + 600)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    def test_a_lease_that_runs_out_queues_the_job_again(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(60)
        assert lab.store.expire(lab.now_ns) == (job_id,)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.store.avoid() == {job_id: {device().device_id}}
        assert lab.claimed(job_id, "nano").epoch == 2
        assert lab.renew(lease) == "lost"
        assert lab.report(lease, 0) is Disposition.STALE

    def test_a_lease_that_nobody_claimed_since_is_taken_up_again(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        assert lab.renew(lease) == "ok"
        assert lab.job(job_id).state is JobState.LEASED
        assert lab.claim(job_id) is None

    def test_a_wrong_token_renews_nothing(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        assert lab.renew(replace(lease, lease_token=b"guess")) == "lost"
        assert lab.renew(replace(lease, epoch=7)) == "lost"
        assert lab.renew(replace(lease, job_id="nothing")) == "lost"

    def test_downtime_consumes_no_lease(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(1_000)
        lab.store.refresh_leases(lab.now_ns, TERMS)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.renew(lease) == "ok"

    @pytest.mark.parametrize("hours", [6, -6])
    def test_a_clock_that_is_set_moves_every_lease(self, lab: Lab, hours: int) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(30)
        lab.wait(hours * 3600)
        lab.store.move_leases(hours * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(25)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.renew(lease) == "ok"
        lab.wait(61)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    @pytest.mark.parametrize("hours", [6, -6])
    def test_who_renewed_since_the_clock_was_set_gains_and_loses_nothing(
        self, lab: Lab, hours: int
    ) -> None:
        lease = lab.claimed(lab.submit(spec(deadline_s=10 * 3600)))
        lab.wait(hours * 3600)
        assert lab.renew(lease) == "ok"
        lab.store.move_leases(hours * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(59)
        assert lab.store.expire(lab.now_ns) == ()
        lab.wait(2)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    def test_a_silent_device_is_not_kept_for_hours_by_a_clock_that_was_set_back(
        self, lab: Lab
    ) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(-6 * 3600)
        lab.store.move_leases(-6 * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(60 + 600)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    @pytest.mark.parametrize("dead", [True, False])
    def test_a_new_incarnation_ends_old_leases_once_its_leftovers_are_dead(
        self, lab: Lab, dead: bool
    ) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert lab.register(incarnation="i1") == ()
        assert lab.register(incarnation="i2", dead=dead) == ((job_id,) if dead else ())
        assert lab.renew(lease) == ("lost" if dead else "ok")
        if not dead:
            assert lab.register(incarnation="i2", dead=True) == (job_id,)
        assert lab.claimed(job_id).epoch == 2

    def test_a_claim_that_never_reached_its_agent_ends(self, lab: Lab) -> None:
        job_id, who = lab.submit(), device().device_id
        lab.claimed(job_id)
        assert lab.store.acquiring(who, "i1", lab.now_ns) == (job_id,)
        lease = lab.claimed(job_id)
        lab.renew(lease)
        assert lab.store.acquiring(who, "i1", lab.now_ns) == ()
        with refused(Code.LEASE_LOST):
            lab.store.acquiring(who, "i0", lab.now_ns)


def test_no_lease_token_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    lab = Lab(Store.open(path))
    lab.register()
    lease = lab.claimed(lab.submit())
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert lease.lease_token.hex() not in dump.lower()
    lab.store.close()
