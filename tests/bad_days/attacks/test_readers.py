"""Who only asks stops nobody: plans, questions of everything, and very many watchers.

The coordinator has a history of 2,000 runs. While each attack lasts, somebody renews a lease and
somebody lists jobs: `harmless` prints their 99th percentiles and holds them to a second.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from bitgauge.benchmarks.refresh.bounds import MAX_CELLS
from bitgauge.benchmarks.vocabulary.enums import Profile, Role
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.protos.v1 import common_pb2, lab_pb2, lab_pb2_grpc

from tests.bench import synthetic_store
from tests.labs.host import DEVICE, digest_of, job_of

from .lab import Attacked, at_once, attacked, bearer

SIZE = synthetic_store.Size(2_000, 5, 4)
LASTS_S = 1.5
WATCHERS, OF_ONE = 960, 32
TOKENS = WATCHERS // OF_ONE


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    home = tmp_path_factory.mktemp("attacked")
    synthetic_store.make(home / "store.db", SIZE)
    with contextlib.closing(sqlite3.connect(home / "store.db")) as store:
        store.execute("UPDATE runs SET judged_unix_ns = received_unix_ns")
        store.commit()
    with attacked(home) as lab:
        yield lab


@pytest.fixture(scope="module")
def readers(lab: Attacked) -> list[str]:
    return [lab.token(f"reader-{number}", Role.READ) for number in range(TOKENS)]


def code_of(error: object) -> str:
    assert isinstance(error, grpc.Call)
    return str(dict(error.trailing_metadata() or ()).get("bitgauge-code", ""))


def suite(models: int, recipes: list[str], workloads: int) -> lab_pb2.Suite:
    digest = common_pb2.Digest(sha256="a" * 64, size_bytes=1)
    return lab_pb2.Suite(
        name="large",
        models=[
            lab_pb2.SuiteModel(name=f"model-{at}", baseline=digest, evaluation=digest)
            for at in range(models)
        ],
        recipes=recipes,
        selectors=[common_pb2.Selector(device=DEVICE.device_id)],
        workloads=[
            common_pb2.Workload(scenario=common_pb2.SCENARIO_SINGLE_STREAM, batch=at + 1, threads=1)
            for at in range(workloads)
        ],
        profile=f"PROFILE_{Profile.QUICK.name}",
        accuracy_margin_pp=1.0,
        use_case="default",
    )


def repeated(lab: Attacked, token: str, calls: list[Callable[[grpc.Channel], object]]) -> set[str]:
    """Has eight threads of one token call for a while; the codes of what was refused."""
    until, codes = time.monotonic() + LASTS_S, set[str]()

    def call(number: int) -> None:
        with lab.channel(tls=True) as channel:
            for one in itertools.cycle(calls[number % len(calls) :] + calls[: number % len(calls)]):
                if time.monotonic() > until:
                    return
                try:
                    one(channel)
                except grpc.RpcError as error:
                    codes.add(code_of(error))

    at_once(8, call)
    return codes


def test_plans_are_refused_before_anything_is_made_of_them(
    lab: Attacked, readers: list[str]
) -> None:
    assert lab.lease
    token = bearer(readers[0])
    # 147 KB: 1,000 models x 50 equal recipes x 200 workloads held the store's thread for 35 s.
    huge = lab_pb2.RefreshOrder(suite=suite(1000, ["int8-dynamic"] * 50, 200))
    request = lab_pb2.PlanRefreshRequest(order=huge)

    def plan(channel: grpc.Channel) -> object:
        return lab_pb2_grpc.CampaignsStub(channel).PlanRefresh(request, 60, token)

    with lab.channel(tls=True) as channel, pytest.raises(grpc.RpcError) as caught:
        plan(channel)
    assert code_of(caught.value) == Code.BAD_SUITE.value
    assert f"a plan holds {MAX_CELLS}" in str(caught.value)
    with lab.harmless("the largest refused plan"):
        assert repeated(lab, readers[0], [plan]) == {Code.BAD_SUITE.value}


def test_the_largest_plan_there_may_be(lab: Attacked, readers: list[str]) -> None:
    assert lab.lease
    order = lab_pb2.RefreshOrder(suite=suite(MAX_CELLS // 20, ["fp16"], 10))
    request = lab_pb2.PlanRefreshRequest(order=order)

    def plan(channel: grpc.Channel) -> object:
        stub = lab_pb2_grpc.CampaignsStub(channel)
        answer = stub.PlanRefresh(request, 60, bearer(readers[0]))
        assert sum(len(job.cells) for job in answer.plan.jobs) == MAX_CELLS
        return answer

    with lab.harmless("the largest plan"):
        assert repeated(lab, readers[0], [plan]) <= {Code.ASKED_TOO_MUCH.value}


def test_questions_of_everything(lab: Attacked, readers: list[str]) -> None:
    token = bearer(readers[1])
    queries: list[tuple[str, str, object]] = [
        ("History", "Histories", lab_pb2.HistoriesRequest(query=lab_pb2.HistoryQuery())),
        ("History", "Histories", lab_pb2.HistoriesRequest(query={"metric": "a" * 200})),
        ("History", "Regressions", lab_pb2.RegressionsRequest(all=True)),
        ("History", "Compare", _compare("2026-01-01", "2126-01-01")),
        ("History", "Compare", _compare("*a*a*a*a*a*a*a*a*b", "[^a]*[^b]*")),
        ("Table", "Rows", lab_pb2.RowsRequest(query=lab_pb2.TableQuery())),
        ("Table", "Cells", lab_pb2.CellsRequest()),
        ("Table", "Select", _select()),
        ("Jobs", "ListJobs", lab_pb2.ListJobsRequest(limit=1000)),
        ("Jobs", "ListJobs", lab_pb2.ListJobsRequest(limit=2**31 - 1)),
        ("Jobs", "ListJobs", lab_pb2.ListJobsRequest(limit=-1)),
        ("Campaigns", "ListCampaigns", lab_pb2.ListCampaignsRequest(limit=-1)),
    ]

    def question(service: str, method: str, request: object) -> Callable[[grpc.Channel], object]:
        def ask(channel: grpc.Channel) -> object:
            stub = getattr(lab_pb2_grpc, f"{service}Stub")(channel)
            return getattr(stub, method)(request, timeout=60, metadata=token)

        return ask

    with lab.harmless("questions of everything"):
        refused = repeated(lab, readers[1], [question(*one) for one in queries])
    assert refused <= {
        Code.ASKED_TOO_MUCH.value,
        Code.BAD_ARGUMENT.value,
        Code.UNKNOWN_RUN.value,
        Code.TOO_MANY_CALLS.value,
    }
    assert Code.BAD_ARGUMENT.value in refused


def _compare(before: str, after: str) -> lab_pb2.CompareRequest:
    return lab_pb2.CompareRequest(query=lab_pb2.CompareQuery(before=before, after=after))


def _select() -> lab_pb2.SelectRequest:
    query = lab_pb2.SelectQuery(
        model_class=common_pb2.MODEL_CLASS_CNN, hardware_class=common_pb2.HARDWARE_CLASS_CPU_ONLY
    )
    return lab_pb2.SelectRequest(query=query)


def test_960_watchers_of_one_job_that_moves(lab: Attacked, readers: list[str]) -> None:
    request = lab_pb2.WatchRequest(job_id=lab.lease.job_id)
    arrived: queue.SimpleQueue[int] = queue.SimpleQueue()
    over = threading.Event()

    def watch(number: int) -> None:
        token = bearer(readers[number])
        with lab.channel(tls=True) as channel:
            stub = lab_pb2_grpc.JobsStub(channel)
            calls = [stub.Watch(request, timeout=60, metadata=token) for _ in range(OF_ONE)]
            for call in calls:
                next(call)
                arrived.put(number)
            over.wait(60)
            for call in calls:
                call.cancel()

    with lab.harmless(f"{WATCHERS} watchers"), contextlib.ExitStack() as stack:
        stack.callback(over.set)
        threads = [threading.Thread(target=watch, args=(number,)) for number in range(TOKENS)]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        for _ in range(WATCHERS):
            arrived.get(timeout=60)
        with lab.client() as client:
            digests = [digest_of(data) for data in (b"baseline", b"evaluation")]
            took = []
            for number in range(8):
                began = time.monotonic()
                client.submit(job_of(digests[0], digests[1], key=f"while-watched-{number}"))
                took.append(time.monotonic() - began)
        over.set()
    print(f"a submission took {max(took):.3f} s at most")
    assert max(took) < 5.0
