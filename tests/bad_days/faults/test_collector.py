"""Which blobs go: the pure choice, the store's references, and both together while in use."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.coordinator.decisions.submission import REFERENCE_RECIPE
from bitgauge.coordinator.lab.collector import CollectionTerms, choose
from bitgauge.coordinator.store.blobs.blob_store import Committed, Partial
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, Registration, SpareBlob
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.host import DEVICE, Host, digest_of, job_of, report_of, running

DAY_NS = 86_400 * 1_000_000_000
NOW_NS = 100 * DAY_NS
TERMS = CollectionTerms()
EAGER = CollectionTerms(grace_ns=-1, unreferenced_after_ns=-1, rebuildable_after_ns=-1)
"""Everything that may go goes, however young."""


def spare(name: str, size: int, age_days: float, *, rebuildable: bool = False) -> SpareBlob:
    used = NOW_NS - round(age_days * DAY_NS)
    return SpareBlob(Digest(f"{digest_of(name.encode()).sha256}", size), used, rebuildable)


def partial(name: str, size: int, age_days: float) -> Partial:
    changed = NOW_NS - round(age_days * DAY_NS)
    return Partial(digest_of(name.encode()), size, changed)


# -- the choice ---------------------------------------------------------------------------
def test_what_nothing_refers_to_goes_after_a_week_and_what_can_be_rebuilt_after_a_month() -> None:
    blobs = [
        spare("new", 1, 6.9),
        spare("old", 1, 7.1),
        spare("built", 1, 29.9, rebuildable=True),
        spare("built long ago", 1, 30.1, rebuildable=True),
    ]
    chosen = choose(blobs, [partial("stuck", 5, 8), partial("going", 5, 0.1)], 14, TERMS, NOW_NS)
    assert set(chosen.blobs) == {blobs[1].digest, blobs[3].digest}
    assert [one.digest for one in chosen.partials] == [partial("stuck", 5, 8).digest]
    assert chosen.excess_bytes == 0


def test_under_a_limit_the_least_needed_and_longest_unused_goes_first() -> None:
    blobs = [spare("built", 10, 6, rebuildable=True), spare("newer", 10, 1), spare("older", 10, 5)]
    terms = dataclasses.replace(TERMS, limit_bytes=75)
    for total, gone in ((75, []), (80, ["older"]), (90, ["older", "newer"]), (100, "all")):
        chosen = choose(blobs, [], total, terms, NOW_NS)
        wanted = ["older", "newer", "built"] if gone == "all" else gone
        named = {digest_of(name.encode()).sha256 for name in wanted}
        assert {one.sha256 for one in chosen.blobs} == named, total


def test_what_was_used_a_moment_ago_stays_whatever_the_limit() -> None:
    terms = dataclasses.replace(TERMS, limit_bytes=0)
    chosen = choose([spare("just used", 10, 0.01)], [partial("going", 7, 0.01)], 40, terms, NOW_NS)
    assert (chosen.blobs, chosen.partials) == ((), ())
    assert chosen.excess_bytes == 47


def test_room_is_made_for_what_is_about_to_come() -> None:
    terms = dataclasses.replace(TERMS, limit_bytes=100)
    blobs = [spare("a", 30, 2), spare("b", 30, 1)]
    assert choose(blobs, [], 100, terms, NOW_NS, wanted_bytes=0).blobs == ()
    assert len(choose(blobs, [], 100, terms, NOW_NS, wanted_bytes=30).blobs) == 1
    assert choose(blobs, [], 100, terms, NOW_NS, wanted_bytes=61).excess_bytes == 1


@given(
    blobs=st.lists(st.tuples(st.integers(0, 100), st.floats(0, 60), st.booleans()), max_size=12),
    partials=st.lists(st.tuples(st.integers(0, 100), st.floats(0, 60)), max_size=5),
    needed=st.integers(0, 500),
    limit=st.one_of(st.none(), st.integers(0, 800)),
    wanted=st.integers(0, 100),
)
def test_the_choice_keeps_its_promises(
    blobs: list[tuple[int, float, bool]],
    partials: list[tuple[int, float]],
    needed: int,
    limit: int | None,
    wanted: int,
) -> None:
    spares = [spare(f"{n}", size, age, rebuildable=can) for n, (size, age, can) in enumerate(blobs)]
    halves = [partial(f"p{n}", size, age) for n, (size, age) in enumerate(partials)]
    total = needed + sum(one.digest.size_bytes for one in spares)
    terms = dataclasses.replace(TERMS, limit_bytes=limit)
    chosen = choose(spares, halves, total, terms, NOW_NS, wanted_bytes=wanted)
    used = {one.digest: one.used_unix_ns for one in spares}
    assert set(chosen.blobs) <= used.keys()
    assert len(set(chosen.blobs)) == len(chosen.blobs)
    for digest in chosen.blobs:
        assert NOW_NS - used[digest] > terms.grace_ns
    if limit is None:
        assert chosen.excess_bytes == 0
        return
    left = total + sum(one.size_bytes for one in halves) - chosen.size_bytes + wanted
    assert chosen.excess_bytes == max(left - limit, 0)
    young_left = [
        one
        for one in spares
        if one.digest not in chosen.blobs and NOW_NS - one.used_unix_ns > terms.grace_ns
    ]
    assert not (chosen.excess_bytes and young_left), "something could have gone and did not"


# -- the references -----------------------------------------------------------------------
@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running(tmp_path / "home", collection=EAGER, loops=False) as made:
        yield made


def registered(host: Host) -> None:
    host.call(host.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True)))


def submitted(host: Host, *artifacts: Digest, calibration: Digest | None = None) -> str:
    spec = job_of(BASELINE, EVALUATION, "", *artifacts)
    spec = dataclasses.replace(spec, calibration=calibration)
    return host.call(host.jobs.submit(spec))[0]


def claimed(host: Host) -> Assignment:
    assignment = host.call(host.leases.acquire(DEVICE.device_id, "one", 2.0))
    assert assignment is not None
    return assignment


BASELINE, EVALUATION = digest_of(b"baseline"), digest_of(b"evaluation")
INT8, RAW, STALE, LOOSE = (digest_of(one) for one in (b"int8", b"raw", b"stale", b"loose"))
CALIBRATION, BUILT, EXPECTED = (digest_of(one) for one in (b"cal", b"built", b"expected"))


def fill(host: Host) -> None:
    for data in (b"baseline", b"evaluation", b"int8", b"raw", b"stale", b"loose"):
        host.put(data)
    for data in (b"cal", b"built", b"expected"):
        host.put(data)


def collected(host: Host) -> set[Digest]:
    return set(host.call(host.collector.collect()).blobs)


def built_from(host: Host, recipe: str, other: Digest, artifact: Digest) -> None:
    key = BuildKey(BASELINE, recipe, other, "tool 1")
    host.call(host.writer.call(lambda store: store.cache_build(key, BuildOutcome(artifact), 1)))


def test_a_live_job_keeps_everything_it_names_and_may_yet_build(host: Host) -> None:
    fill(host)
    registered(host)
    built_from(host, "int8-static", CALIBRATION, BUILT)
    submitted(host, INT8, calibration=CALIBRATION)
    assert collected(host) == {RAW, STALE, LOOSE, EXPECTED}
    for kept in (BASELINE, EVALUATION, INT8, CALIBRATION, BUILT):
        assert host.blobs.contains(kept)
    claimed(host)
    assert collected(host) == set()


def test_a_result_keeps_its_evidence_and_what_it_was_computed_from(host: Host) -> None:
    fill(host)
    registered(host)
    built_from(host, REFERENCE_RECIPE, EVALUATION, EXPECTED)
    job_id = submitted(host, INT8)
    assignment = claimed(host)
    for index in range(2):
        answer = host.call(host.leases.report(report_of(assignment, index, RAW)))
        assert answer is Disposition.ACCEPTED
    host.call(host.jobs.cancel(job_id))  # ended, whatever became of its analysis
    assert collected(host) == {STALE, LOOSE, CALIBRATION, BUILT}
    for kept in (BASELINE, EVALUATION, RAW, EXPECTED, INT8):
        assert host.blobs.contains(kept), kept


def test_a_built_artifact_of_an_ended_job_goes_and_is_built_again(host: Host) -> None:
    fill(host)
    registered(host)
    built_from(host, "int8-dynamic", CALIBRATION, BUILT)
    job_id = submitted(host, BUILT)
    assignment = claimed(host)
    for index in range(2):
        host.call(host.leases.report(report_of(assignment, index, RAW)))
    assert BUILT not in collected(host)
    host.call(host.jobs.cancel(job_id))
    assert BUILT in collected(host)
    key = BuildKey(BASELINE, "int8-dynamic", CALIBRATION, "tool 1")
    assert host.call(host.writer.call(lambda store: store.cached_build(key))) is None
    assert not host.blobs.contains(BUILT)


def test_a_job_that_ended_without_a_result_keeps_nothing(host: Host) -> None:
    fill(host)
    registered(host)
    host.call(host.jobs.cancel(submitted(host, INT8)))
    gone = collected(host)
    assert {BASELINE, EVALUATION, INT8} <= gone
    with host.client() as client:
        assert set(client.find_missing([BASELINE, INT8])) == {BASELINE, INT8}


# -- at work ------------------------------------------------------------------------------
def test_asking_for_a_blob_lets_it_live_on(tmp_path: Path) -> None:
    with running(tmp_path / "home", loops=False) as host:
        digest = host.put(b"wanted soon")
        host.call(host.writer.call(lambda store: age(store, digest)))
        with host.client() as client:
            assert client.find_missing([digest]) == ()
        assert host.call(host.collector.collect()).blobs == ()
        host.call(host.writer.call(lambda store: age(store, digest)))
        assert host.call(host.collector.collect()).blobs == (digest,)
        assert not host.blobs.path(digest).exists()


def age(store: object, digest: Digest) -> None:
    """As if the blob had not been used since 1970."""
    store._connection.execute(  # type: ignore[attr-defined]
        "UPDATE blobs SET used_unix_ns = 1 WHERE sha256 = ?", (digest.sha256,)
    )


def test_an_upload_beyond_the_limit_is_refused_until_something_may_go(tmp_path: Path) -> None:
    terms = CollectionTerms(limit_bytes=1000)
    with running(tmp_path / "home", collection=terms, loops=False) as host:
        first = host.put(b"x" * 900)
        with host.client() as client:
            with pytest.raises(BitgaugeError, match="does not fit below the limit") as caught:
                client.write(digest_of(b"y" * 200), 0, iter([b"y" * 200]))
            assert caught.value.code is Code.BLOB_LIMIT
            assert b"".join(client.read(first)) == b"x" * 900  # reading goes on
            host.call(host.writer.call(lambda store: age(store, first)))
            assert client.write(digest_of(b"y" * 200), 0, iter([b"y" * 200])) == 200
        assert not host.blobs.contains(first)


def test_record_and_folder_are_made_one_again(host: Host) -> None:
    lost, orphan = host.put(b"lost"), digest_of(b"orphan")
    host.blobs.path(lost).unlink()
    host.blobs.append(orphan, 0, b"orphan")
    host.blobs.finish(orphan)  # and then the coordinator was killed
    assert host.call(host.collector.reconcile()) == (lost,)
    assert not host.blobs.contains(orphan)
    with host.client() as client:
        assert client.find_missing([lost]) == (lost,)
    assert host.put(b"lost") == lost


def test_nobody_is_told_of_a_blob_that_goes_at_that_moment(host: Host) -> None:
    """Uploads and collections at full speed: what is recorded has its file, always."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def send() -> None:
        try:
            with host.client() as client:
                while not stop.is_set():
                    for number in range(8):
                        data = b"%d" % number * 50
                        try:
                            client.write(digest_of(data), 0, iter([data]))
                        except BitgaugeError as error:
                            # Without any grace an upload may go while it is under way, too.
                            if error.code is not Code.BLOB_OFFSET:
                                raise
        except BaseException as error:
            errors.append(error)

    def consistent(store: object) -> bool:
        recorded = store.blobs()  # type: ignore[attr-defined]
        return all(host.blobs.contains(digest) for digest, _ in recorded)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    gone = 0
    for _ in range(60):
        gone += len(collected(host))
        assert host.call(host.writer.call(consistent))
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert gone > 0


@pytest.mark.parametrize("call", ["write", "query"])
def test_a_blob_taken_between_the_look_and_the_record_is_not_recorded(
    host: Host, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The window that timing alone does not hit: it was there, and then the collector came."""
    digest = host.put(b"taken")
    look = host.blobs.committed
    taken: list[Digest] = []

    def look_and_lose(wanted: Digest) -> Committed:
        found = look(wanted)
        if found.complete and not taken:
            taken.extend(collected(host))
        return found

    monkeypatch.setattr(host.blobs, "committed", look_and_lose)
    with host.client() as client:
        if call == "write":
            client.write(digest, 0, iter([b"taken"]))
            assert host.blobs.contains(digest)  # what was sent was taken as new
        else:
            assert client.committed(digest) == 0
        assert taken == [digest]
        missing = client.find_missing([digest])
    recorded = host.call(host.writer.call(lambda store: store.blobs()))
    assert (digest in dict(recorded)) == host.blobs.contains(digest) == (not missing)
