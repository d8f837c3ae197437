"""The agent's parts on plain values and small folders."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.connection.lease import LeaseClock, LeaseKeeper
from bitgauge.agents.execution.failures import failure_of, needs_confirmation
from bitgauge.agents.execution.plan import PassPlan, as_baseline, is_enough, plan_passes
from bitgauge.agents.host import process
from bitgauge.agents.host.conditions import ConditionReader, wall_lead_ns
from bitgauge.agents.host.patience import end_task, within
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.launcher.supervision import Log
from bitgauge.agents.meters import high_water
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes._placements import Placements
from bitgauge.agents.sandbox.environment import child_environment
from bitgauge.agents.spec import decode_event
from bitgauge.agents.storage.cache import Cache
from bitgauge.agents.storage.identity import device_id
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.common import digests
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, PassName, Profile, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Refused,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.fingerprint import changed, fingerprint, stack_of
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RawRef, RunReport

from tests.labs.agent import digest_of

QUICK = PLANS[Profile.QUICK]
BASE, CAND = Digest("b" * 64, 1), Digest("c" * 64, 1)


# -- planning ---------------------------------------------------------------------------------
def shape(plans: tuple[PassPlan, ...]) -> list[tuple[str, str, int]]:
    keys = [(one.pass_name.value, one.role.value) for one in plans]
    return [(name, role, len(list(group))) for (name, role), group in itertools.groupby(keys)]


def entry(index: int, digest: Digest = CAND) -> AssignedEntry:
    return AssignedEntry(index, "int8-dynamic" if index else "fp32", digest)


def test_the_baseline_is_measured_alone() -> None:
    plans = plan_passes(entry(0, BASE), BASE, QUICK, keeps_time=True)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "floor", 3),
        ("memory", "candidate", 3),
        ("absolute", "floor", 1),
        ("absolute", "candidate", 3),
        ("operators", "candidate", 1),
    ]
    assert plans[0].artifacts == (BASE,)
    assert plans[2].artifacts == ()


def made(plans: tuple[PassPlan, ...]) -> tuple[RawRef, ...]:
    return tuple(
        RawRef(one.pass_name, one.launch, one.role, Digest(f"{index:064x}", 9))
        for index, one in enumerate(plans)
    )


def test_a_candidate_takes_over_what_the_baseline_measured() -> None:
    shared = as_baseline(made(plan_passes(entry(0, BASE), BASE, QUICK, keeps_time=True)))
    plans = plan_passes(entry(1), BASE, QUICK, keeps_time=True, available=shared)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "candidate", 3),
        ("absolute", "candidate", 3),
        ("pair", "both", 1),
        ("operators", "candidate", 1),
    ]
    assert plans[-2].artifacts == (BASE, CAND)
    roles = [(ref.pass_name.value, ref.role.value) for ref in shared]
    assert sorted(set(roles)) == [
        ("absolute", "baseline"),
        ("absolute", "floor"),
        ("memory", "baseline"),
        ("memory", "floor"),
        ("operators", "baseline"),
    ]


def test_a_candidate_on_another_device_measures_the_baseline_again() -> None:
    plans = plan_passes(entry(1), BASE, QUICK, keeps_time=True)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "floor", 3),
        ("memory", "baseline", 3),
        ("memory", "candidate", 3),
        ("absolute", "floor", 1),
        ("absolute", "baseline", 3),
        ("absolute", "candidate", 3),
        ("pair", "both", 1),
        ("operators", "baseline", 1),
        ("operators", "candidate", 1),
    ]


def test_certified_launches_end_when_they_are_precise() -> None:
    certified = PLANS[Profile.CERTIFIED]
    plans = plan_passes(entry(0, BASE), BASE, certified, keeps_time=True)
    timed = [one for one in plans if (one.pass_name, one.role) == ("absolute", "candidate")]
    assert len(timed) == 15
    assert not is_enough(timed[4], certified, [1e6] * 4)
    assert is_enough(timed[5], certified, [1e6] * 5)
    assert not is_enough(timed[5], certified, [1e6, 2e6] * 3)
    memory = next(one for one in plans if one.pass_name == "memory")
    assert not is_enough(memory, certified, [1e6] * 9)
    assert not is_enough(timed[5], QUICK, [1e6] * 5)
    # Where the baseline ended early, its candidates do not go on with it.
    shared = as_baseline(made((*(one for one in plans if one.pass_name != "absolute"), timed[0])))
    later = plan_passes(entry(1), BASE, certified, keeps_time=True, available=shared)
    assert ("absolute", "baseline") not in {(one.pass_name, one.role) for one in later}


def test_an_artifact_against_itself_is_a_pair() -> None:
    plans = plan_passes(entry(1, BASE), BASE, QUICK, keeps_time=True)
    assert plans[-3].artifacts == (BASE, BASE)


@pytest.mark.parametrize("index", [0, 1])
def test_without_time_only_quality_is_measured(index: int) -> None:
    plans = plan_passes(entry(index), BASE, QUICK, keeps_time=False)
    assert shape(plans) == [("quality", "both", 1), ("numerics", "both", 1)]


# -- blame ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ended", "group", "code"),
    [
        (ChildExit(False, signal=signal.SIGSEGV), FailureGroup.ARTIFACT, "crash_segv"),
        (ChildExit(False, signal=signal.SIGFPE), FailureGroup.ARTIFACT, "crash_fpe"),
        (ChildExit(False, signal=signal.SIGXFSZ), FailureGroup.ARTIFACT, "file_limit"),
        (
            ChildExit(False, signal=signal.SIGKILL, out_of_memory=True),
            FailureGroup.ARTIFACT,
            "oom",
        ),
        (ChildExit(False, signal=signal.SIGKILL), FailureGroup.ENVIRONMENT, "killed"),
        (ChildExit(False, signal=signal.SIGTERM), FailureGroup.ENVIRONMENT, "killed"),
        (ChildExit(False, status=1), FailureGroup.HARNESS, "child_exit"),
        (
            ChildExit(False, timed_out=3.0, signal=signal.SIGKILL, phase="load"),
            FailureGroup.ARTIFACT,
            "timeout",
        ),
        (ChildExit(False, code="internal", message="x"), FailureGroup.HARNESS, "internal"),
        (ChildExit(False, code="nonsense", message="x"), FailureGroup.HARNESS, "internal"),
        (ChildExit(False, code="out_of_memory"), FailureGroup.ARTIFACT, "oom"),
        (ChildExit(False, code="runtime_missing"), FailureGroup.DEVICE, "runtime_missing"),
    ],
)
def test_who_must_act(ended: ChildExit, group: FailureGroup, code: str) -> None:
    failure = failure_of(ended, "pass pair, launch 0 (both)")
    assert (failure.group, failure.code) == (group, code)
    assert f"phase {ended.phase}" in failure.message
    assert failure.advice


def test_only_crashes_are_confirmed() -> None:
    assert needs_confirmation(ChildExit(False, signal=signal.SIGABRT))
    assert not needs_confirmation(ChildExit(True, signal=signal.SIGABRT))
    assert not needs_confirmation(ChildExit(False, signal=signal.SIGKILL))
    assert not needs_confirmation(ChildExit(False, signal=signal.SIGSEGV, timed_out=1.0))


# -- cache ------------------------------------------------------------------------------------
def fill(cache: Cache, data: bytes) -> Digest:
    digest = digest_of(data)
    writer = cache.writer(digest)
    writer.write(data)
    writer.commit()
    return digest


def test_a_blob_is_verified_at_each_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    digest = fill(cache, b"weights")
    assert cache.verified(digest) == cache.path(digest)
    cache.path(digest).write_bytes(b"wEights")
    assert cache.verified(digest) is None
    assert not cache.path(digest).exists()
    assert cache.verified(Digest("0" * 64, 1)) is None


def test_a_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    cache, data = Cache(tmp_path, 1000), b"0123456789"
    digest = digest_of(data)
    first = cache.writer(digest)
    first.write(data[:4])
    first.close()
    second = cache.writer(digest)
    assert second.offset == 4
    second.write(data[4:])
    assert second.commit().read_bytes() == data


def test_damaged_bytes_never_get_the_name(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    digest = digest_of(b"right")
    writer = cache.writer(digest)
    writer.write(b"wrong")
    with pytest.raises(BadInput) as caught:
        writer.commit()
    assert caught.value.code is Code.DIGEST_MISMATCH
    assert list(tmp_path.iterdir()) == []


def test_the_least_recently_used_goes_first_and_the_jobs_own_never(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 30)
    old, mid, new = (fill(cache, bytes([65 + k]) * 10) for k in range(3))
    for age, digest in enumerate((new, mid, old)):
        os.utime(cache.path(digest), (1000 - age, 1000 - age))
    cache.make_room(10, keep=[old])
    assert [cache.path(one).exists() for one in (old, mid, new)] == [True, False, True]
    cache.make_room(1000, keep=[old])
    assert [cache.path(one).exists() for one in (old, mid, new)] == [True, False, False]


# -- spool ------------------------------------------------------------------------------------
def report(run: str, ref: RawRef | None = None, ended: int = 2) -> RunReport:
    return RunReport(
        run_id=run,
        job_id="j",
        epoch=1,
        lease_token=b"\x00\xfftoken",
        entry_index=0,
        status=RunStatus.MEASURED,
        started_unix_ns=1,
        ended_unix_ns=ended,
        device_id="d",
        sandbox="rlimits",
        raw=() if ref is None else (ref,),
    )


def test_a_report_stays_until_it_is_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin("run-b", "j", 1, 0)
    file = tmp_path / "made"
    file.write_bytes(b"raw")
    ref = RawRef(PassName.MEMORY, 0, RawRole.CANDIDATE, spool.put_raw(file))
    assert not file.exists()
    spool.put_report(report("run-b", ref, ended=9))
    spool.put_report(report("run-a", ended=3))
    assert spool.intents() == []
    again = Spool(tmp_path)
    assert again.reports() == [report("run-a", ended=3), report("run-b", ref, ended=9)]
    again.collect()
    assert again.raw_path(ref.digest).read_bytes() == b"raw"
    again.acknowledge("run-b")
    again.collect(keep=[ref.digest])
    assert again.raw_path(ref.digest).exists()
    again.collect()
    assert not again.raw_path(ref.digest).exists()
    assert [one.run_id for one in again.reports()] == ["run-a"]


def test_what_is_set_aside_keeps_its_raw_data(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    file = tmp_path / "made"
    file.write_bytes(b"raw")
    ref = RawRef(PassName.MEMORY, 0, RawRole.CANDIDATE, spool.put_raw(file))
    spool.put_report(report("r", ref))
    assert spool.set_aside(report("r", ref), "no such job").exists()
    spool.collect()
    assert spool.reports() == []
    assert spool.raw_path(ref.digest).exists()


def test_a_half_written_report_is_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "reports" / "x.json.new").write_bytes(b'{"run_')
    assert spool.reports() == []


def test_a_damaged_report_is_kept_and_disturbs_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put_report(report("good"))
    (tmp_path / "reports" / "bad.json").write_bytes(b'{"run_id": 7}')
    (tmp_path / "intents" / "bad.json").write_bytes(b"\x00")
    assert [one.run_id for one in spool.reports()] == ["good"]
    assert spool.intents() == []
    assert (tmp_path / "reports" / "bad.unreadable").exists()


# -- processes --------------------------------------------------------------------------------
def test_leftovers_are_found_by_mark_and_by_session() -> None:
    program = "import time; print(flush=True); time.sleep(600)"
    marked = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, process.MARK_VARIABLE: "mark-of-test"},
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    led = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE
    )
    stranger = subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE
    )
    for one in (marked, led, stranger):
        assert one.stdout is not None
        one.stdout.readline()
        one.stdout.close()
    ticks = process.start_ticks(led.pid)
    assert process.leftovers("mark-of-test", led.pid, ticks) == {marked.pid, led.pid}
    assert process.leftovers("another", stranger.pid, 1) == set()
    assert process.end("mark-of-test", led.pid, ticks)
    assert (marked.wait(5), led.wait(5)) == (-9, -9)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_child_whose_agent_has_gone_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bitgauge.agents.worker.worker",
            str(tmp_path / "no-spec"),
            "1",
            "0",
            "0",
        ],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_childs_environment_holds_no_secrets(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "AWS_SECRET": "x", "RAY_AUTH_TOKEN": "y", "BITGAUGE_HOME": "z"}
    made = child_environment(given, mark="m", threads=2, folder=tmp_path)
    assert not {"AWS_SECRET", "RAY_AUTH_TOKEN", "BITGAUGE_HOME"} & set(made)
    assert (made["PATH"], made["OMP_NUM_THREADS"], made["HOME"]) == ("/bin", "2", str(tmp_path))
    assert made[process.MARK_VARIABLE] == "m"


# -- pipes ------------------------------------------------------------------------------------
def test_a_log_keeps_both_ends() -> None:
    log = Log(head_bytes=4, tail_bytes=4)
    for _ in range(3):
        log.feed(b"abcdefgh")
    assert log.text() == "abcd\n[16 bytes left out]\nefgh"
    short = Log()
    short.feed(b"all of it\n")
    assert (short.text(), short.tail()) == ("all of it\n", "all of it")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"kind": 3}', b"\xff\xfe", b'{"a": 1}'])
def test_what_is_no_event_is_ignored(line: bytes) -> None:
    assert decode_event(line) is None


def test_gaps_are_rare_and_wait_for_the_agent() -> None:
    events, wrote = os.pipe()
    read, acks = os.pipe()
    os.write(acks, b"\n\n")
    channel = Channel(wrote, read, gap_every_ns=20_000_000)
    for _ in range(100):
        channel.gap()
    time.sleep(0.025)
    channel.gap()
    channel.gap()
    event = decode_event(os.read(events, 1000).strip())
    assert event is not None
    assert event.kind == "gap"
    assert event.hold_ms >= 25
    os.close(acks)
    time.sleep(0.025)
    os.read(read, 1)
    with pytest.raises(SystemExit):
        channel.gap()
    for descriptor in (events, wrote, read):
        os.close(descriptor)


# -- leases -----------------------------------------------------------------------------------
def assignment(renew_every_ms: int = 100, ttl_ms: int = 1000) -> Assignment:
    return Assignment(
        job_id="j",
        epoch=1,
        lease_token=b"t",
        ttl_ms=ttl_ms,
        renew_every_ms=renew_every_ms,
        runtime="fake",
        workload=Workload(),
        profile=Profile.QUICK,
        baseline=BASE,
        evaluation=CAND,
        entries=(),
        deadline_s=10,
    )


def test_a_lease_clock_backs_off_and_runs_out() -> None:
    clock = LeaseClock.granted(assignment(renew_every_ms=5000, ttl_ms=60_000), 0)
    second = 1_000_000_000
    assert clock.due_ns == 5 * second
    pauses = []
    now = clock.due_ns
    for _ in range(5):
        clock.failed(now, 1.0)
        pauses.append((clock.due_ns - now) // second)
        now = clock.due_ns
    assert pauses == [5, 8, 8, 8, 8]
    assert not clock.expired(60 * second)
    assert clock.expired(61 * second)
    clock.renewed(now, 60_000)
    assert not clock.expired(now + 60 * second)
    assert clock.due_ns == now + 5 * second


class Renewals:
    """Answers heartbeats as told."""

    def __init__(self, *answers: str | BitgaugeError) -> None:
        self.answers = list(answers)
        self.holds: list[int] = []

    async def __call__(self, _: Assignment, progress: Progress | None, hold_ms: int) -> object:
        from bitgauge.agents.connection.connection import Renewal

        self.holds.append(hold_ms)
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, BitgaugeError):
            raise answer
        return Renewal(answer, 1000)


async def test_no_heartbeat_while_a_clock_runs_but_in_its_gaps() -> None:
    renew = Renewals()
    keeper = LeaseKeeper(assignment(renew_every_ms=30), renew, print)  # type: ignore[arg-type]
    task = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.2)
    assert len(renew.holds) >= 3
    keeper.measuring(True)
    await asyncio.sleep(0.02)
    before = len(renew.holds)
    await asyncio.sleep(0.2)
    assert len(renew.holds) == before
    await keeper.gap(hold_ms=500)
    assert renew.holds[before:] == [500]
    await keeper.gap(hold_ms=500)
    assert len(renew.holds) == before + 1
    keeper.measuring(False)
    await asyncio.sleep(0.2)
    assert len(renew.holds) > before + 1
    await end_task(task)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("cancel", "cancel"), ("lost", "lost"), (Refused(Code.LEASE_LOST, "Gone."), "lost")],
)
async def test_the_end_of_a_lease_is_told(answer: str | BitgaugeError, verdict: str) -> None:
    keeper = LeaseKeeper(
        assignment(renew_every_ms=10),
        Renewals("ok", answer),  # type: ignore[arg-type]
        print,
    )
    assert await within(keeper.keep(), 5) == verdict


async def test_cut_off_it_says_once_that_the_lease_ran_out() -> None:
    said: list[str] = []
    away = [Unavailable(Code.UNREACHABLE, "away") for _ in range(8)]
    keeper = LeaseKeeper(
        assignment(renew_every_ms=10, ttl_ms=30),
        Renewals(*away),  # type: ignore[arg-type]
        said.append,
    )
    task = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.5)
    await end_task(task)
    assert len(said) == 1
    assert keeper.verdict == "ok"


async def test_waiting_does_not_swallow_a_cancellation() -> None:
    async def waits() -> None:
        while True:
            await within(asyncio.sleep(0), 1)

    for _ in range(50):
        task = asyncio.create_task(waits())
        await asyncio.sleep(random.random() / 1000)
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=1)
        assert task in done
        assert task.cancelled()
    with pytest.raises(TimeoutError):
        await within(asyncio.sleep(5), 0.01)


# -- inputs -----------------------------------------------------------------------------------
def evaluation(samples: int = 5, dtype: str = "float32") -> EvaluationSet:
    rows = np.arange(samples * 2).reshape(samples, 2).astype(dtype)
    return EvaluationSet({"x": rows}, None, np.array([str(k) for k in range(samples)]))


def spec(batch: int | None = None, dtype: str = "float32") -> tuple[InputSpec, ...]:
    return (InputSpec("x", dtype, (batch, 2)),)


def test_every_sample_once_and_the_last_batch_filled_up() -> None:
    batches = Batches(evaluation(5), spec(), 2)
    taken = [(count, feeds["x"][:, 0].tolist()) for count, feeds in batches.all()]
    assert taken == [(2, [0, 2]), (2, [4, 6]), (1, [8, 0])]
    assert len(batches.for_timing()) == 3
    assert batches.rows([np.zeros((2, 7))], 1).shape == (1, 7)


def test_a_batch_larger_than_the_set_repeats_it() -> None:
    assert len(Batches(evaluation(3), spec(), 8).first()["x"]) == 8


def test_a_fixed_batch_is_refused_or_respected() -> None:
    with pytest.raises(Refused, match="a batch of 4 only, the workload asks for 1") as caught:
        Batches(evaluation(), spec(batch=4), 1)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert Batches(evaluation(), spec(batch=4), 1, fit=True).batch == 4


def test_floats_are_converted_and_nothing_else() -> None:
    assert Batches(evaluation(), spec(dtype="float16"), 1).first()["x"].dtype == np.float16
    with pytest.raises(BadInput, match="int64"):
        Batches(evaluation(dtype="int64"), spec(), 1)


def test_an_output_without_rows_is_refused() -> None:
    batches = Batches(evaluation(), spec(), 2)
    with pytest.raises(BadInput, match="one row per sample"):
        batches.rows([np.zeros((3, 4))], 2)


class Stub:
    """A session that counts its calls."""

    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name
        self.input_specs: tuple[InputSpec, ...] = ()

    def bind(self, feeds: object) -> Callable[[], None]:
        return lambda: self._log.append(self._name)

    def run(self, feeds: object) -> list[np.ndarray[Any, Any]]:
        return []

    def close(self) -> None:
        return None


def test_calls_stay_while_the_sessions_behind_them_change() -> None:
    log: list[str] = []
    numbers = itertools.count()
    placements = Placements(
        lambda letter: Stub(log, f"{'AB'[letter]}{next(numbers) // 2}"),
        lambda _: [{}],
        2,
        np.random.default_rng(1),
    )
    a, b = placements.calls()
    a()
    b()
    placements.place()
    a()
    b()
    assert log == ["A0", "B0", "A1", "B1"]
    time.sleep(0.01)
    placements.between_quads()
    assert placements.count == 3


# -- readings ---------------------------------------------------------------------------------
def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_conditions_are_read_from_files(tmp_path: Path) -> None:
    put(tmp_path, "proc/stat", "cpu  1 2 3 4 5 6 7 50 0 0\ncpu0 0\ncpu1 0\nintr 1\n")
    put(tmp_path, "proc/pressure/cpu", "some avg10=1.50 avg60=0 avg300=0 total=1\nfull avg10=9\n")
    put(tmp_path, "proc/loadavg", "0.75 0.5 0.2 1/100 1234\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "battery\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "30000\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "61500\n")
    reader = ConditionReader(tmp_path, ticks_per_second=250)
    found = reader.read()
    assert (found.clock_mhz, found.temperature_c) == (2400.0, 61.5)
    assert found.steal_ticks == 20  # 50 ticks of 1/250 s
    assert (found.psi_some_avg10, found.load_1m) == (1.5, 0.75)
    busy = (1 + 2 + 3 + 6 + 7) / 250 * 100
    assert 0 < busy - found.foreign_ticks < 60_000  # this process has used some of it
    assert math.isnan(found.throttle_count)
    assert math.isnan(found.thermal_status)
    reader.close()
    assert math.isnan(reader.read().load_1m)


def test_throttling_is_read_wherever_a_machine_tells_it(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu/cpu0/thermal_throttle"
    put(tmp_path, f"{cpu}/core_throttle_count", "3\n")
    put(tmp_path, f"{cpu}/package_throttle_count", "4\n")
    put(tmp_path, f"{cpu}/core_throttle_total_time_ms", "900\n")
    put(tmp_path, "sys/class/thermal/cooling_device0/type", "Fan\n")
    put(tmp_path, "sys/class/thermal/cooling_device0/cur_state", "5\n")
    reader = ConditionReader(tmp_path)
    assert reader.read().throttle_count == 7
    assert math.isnan(reader.read().thermal_status)
    put(tmp_path, "sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n")
    put(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "0\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    assert ConditionReader(tmp_path).read().thermal_status == 0  # both only in the past
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50004\n")
    assert ConditionReader(tmp_path).read().thermal_status == 4


def test_a_clock_that_is_set_changes_the_lead_of_the_wall_clock() -> None:
    monotonic = itertools.count(1_000, 10).__next__
    at = wall_lead_ns(lambda: 5_000_000, monotonic)
    assert at == 5_000_000 - 1_000 - 5
    # Put aside between two readings twice; the third is tight.
    widths = iter([0, 90_000, 0, 60_000, 0, 30])
    assert wall_lead_ns(lambda: 7_000, lambda: next(widths)) == 7_000 - 15
    late = itertools.count(0, 10_000_000).__next__
    assert math.isnan(wall_lead_ns(lambda: 7_000, late))
    before, after = ConditionReader().read(), ConditionReader().read()
    assert abs(after.clock_step_ns - before.clock_step_ns) < 1_000_000


def test_what_a_device_does_not_tell_is_nan(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "battery\n")
    put(tmp_path, "proc/loadavg", "nonsense\n")
    found = ConditionReader(tmp_path).read()
    assert math.isnan(found.temperature_c)
    assert math.isnan(found.load_1m)
    assert math.isnan(found.steal_ticks)


def test_the_high_water_meter_sees_what_was_given_back() -> None:
    meter = high_water.MemoryMeter()
    meter.open_phase()
    before = meter.checkpoint("m0")
    meter.open_phase()
    block = bytearray(64 << 20)
    del block
    after = meter.checkpoint("m1")
    assert after.hwm_bytes - before.hwm_bytes > 50 << 20
    assert after.rss_bytes - before.rss_bytes < 20 << 20
    assert after.uss_bytes <= after.pss_bytes <= after.rss_bytes
    assert meter.method == "vmhwm"


def test_without_resets_the_peak_is_polled_and_says_so(tmp_path: Path) -> None:
    status = "VmHWM:\t 9999 kB\nVmRSS:\t {} kB\nRssAnon:\t 1 kB\nRssFile:\t 2 kB\n"
    put(tmp_path, "status", status.format(100))
    meter = high_water.MemoryMeter(tmp_path)
    meter.open_phase()
    put(tmp_path, "status", status.format(300))
    time.sleep(0.1)
    put(tmp_path, "status", status.format(200))
    point = meter.checkpoint("m1")
    assert point.hwm_bytes == 300 * 1024
    assert (point.rss_bytes, point.pss_bytes) == (200 * 1024, 0)
    assert meter.method == "sampled"


def test_out_of_memory_kills_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "vmstat", "nr_free_pages 1\noom_kill 3\n")
    assert process.oom_kills(tmp_path) == 3
    assert process.oom_kills(tmp_path / "nowhere") is None


# -- identity ---------------------------------------------------------------------------------
def test_a_device_keeps_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    minted = device_id(folder)
    assert device_id(folder) == minted
    assert [path.name for path in folder.iterdir()] == ["device_id"]
    assert (folder / "device_id").stat().st_mode & 0o777 == 0o600
    (folder / "device_id").write_text("nonsense")
    with pytest.raises(BadInput, match="holds no device id"):
        device_id(folder)


# -- fingerprint ------------------------------------------------------------------------------
RUNTIME = RuntimeDescription(
    "onnxruntime", "1.31.1", ("CPUExecutionProvider",), versions=(StackItem("numpy", "2.3"),)
)
STACK = (StackItem("architecture", "x86_64"), StackItem("microcode", "0x1"))


def test_a_fingerprint_depends_on_every_input_and_on_no_order() -> None:
    stack = stack_of(STACK, RUNTIME)
    assert fingerprint(stack) == fingerprint(reversed(stack))
    newer = stack_of(STACK, replace(RUNTIME, version="1.32.0"))
    assert fingerprint(stack) != fingerprint(newer)
    assert changed(stack, newer) == ("runtime.onnxruntime",)
    assert fingerprint([StackItem("ab", "c")]) != fingerprint([StackItem("a", "bc")])


def test_readings_and_contradictions_are_no_stack() -> None:
    with pytest.raises(ValueError, match="changes by itself"):
        stack_of((StackItem("uptime_s", "5"),), RUNTIME)
    with pytest.raises(ValueError, match="both"):
        stack_of((*STACK, StackItem("microcode", "0x2")), RUNTIME)


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    put(tmp_path, "f", "bytes")
    assert digests.digest_of(tmp_path / "f") == digest_of(b"bytes")


def test_a_process_that_cannot_be_looked_at_has_not_ended(tmp_path: Path) -> None:
    """Else an agent without a free descriptor would end the children of another."""
    own = process.start_ticks(os.getpid())
    assert own is not None
    assert not process.has_ended(os.getpid(), own)
    assert process.has_ended(os.getpid(), own + 1)
    assert process.has_ended(7, 1, proc=tmp_path)
    (tmp_path / "7").mkdir()
    assert process.start_ticks(7, proc=tmp_path) is None
    assert not process.has_ended(7, 1, proc=tmp_path)
