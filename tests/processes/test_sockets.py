"""The start-up check of listening sockets, on real processes and real sockets."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import psutil
import pytest
from bitgauge.benchmarks.common.join_line import Address
from bitgauge.coordinator.cluster import sockets
from bitgauge.coordinator.cluster.sockets import Listening, listening, refuses_strangers, surprises
from bitgauge.coordinator.config import CoordinatorConfig, TlsListen

OURS = Address("127.0.0.1", 50950)
DRIVER = "/usr/bin/python3 -m bitgauge.coordinator.cluster.driver {}"


def found(process: str, host: str = "0.0.0.0", port: int = 1234) -> Listening:
    return Listening(7, process, Address(host, port))


@pytest.mark.parametrize(
    "process",
    [
        "/venv/ray/core/src/ray/gcs/gcs_server --log_dir=/tmp",
        "/venv/ray/core/src/ray/raylet/raylet --raylet_socket_name=x",
        "ray::CoordinatorActor.serve",
        "ray::RuntimeEnvAgent",
        "/venv/bin/python3.11 -u /venv/site-packages/ray/dashboard/agent.py --node-ip-address=x",
        "/venv/bin/python /venv/site-packages/ray/_private/workers/default_worker.py --node",
        DRIVER,
    ],
)
def test_rays_sockets_are_accepted_only_behind_its_token(process: str) -> None:
    one = found(process, "::")
    assert surprises([one], [OURS], lambda _: True) == ()
    assert surprises([one], [OURS], lambda _: False) == (one,)


@pytest.mark.parametrize(
    "process",
    [
        "python3 -m http.server",
        "nc -l",
        "",
        "sh -c gcs_server",
        "/tmp/notraylet x",
        "python3 evil.py /opt/raylet",
        "python3 evil.py -m bitgauge.coordinator.cluster.driver x",
    ],
)
def test_any_other_socket_is_a_surprise_whatever_it_answers(process: str) -> None:
    one = found(process)
    assert surprises([one], [OURS], lambda _: True) == (one,)


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_our_own_sockets_are_where_they_should_be(host: str) -> None:
    actor = found("ray::CoordinatorActor", host, 50950)
    assert surprises([actor], [OURS], lambda _: False) == ()
    elsewhere = found("ray::CoordinatorActor", "0.0.0.0", 50950)
    assert surprises([elsewhere], [OURS], lambda _: False) == (elsewhere,)
    assert surprises([elsewhere], [Address("::", 50950)], lambda _: False) == ()


def test_a_listening_child_is_found_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import socket, time; s = socket.create_server(('0.0.0.0', 0));"
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        assert (child.pid, port) in {
            (one.pid, one.address.port) for one in listening(psutil.Process())
        }
        monkeypatch.setattr(sockets, "AGAIN_S", 0.0)
        monkeypatch.setattr(
            sockets,
            "listening",
            lambda _: [one for one in listening(psutil.Process()) if one.pid == child.pid],
        )
        tls = TlsListen("127.0.0.1", 1, 2, "127.0.0.1")
        error = sockets.surprise(CoordinatorConfig(home="/x", port=3, tls=tls))
        assert error is not None
        assert f"Process {child.pid} (" in error.sentence
        assert f"0.0.0.0:{port}" in error.sentence
        assert "time.sleep" not in error.sentence
        allowed = CoordinatorConfig(home="/x", host="0.0.0.0", port=port)
        assert sockets.surprise(allowed) is None
    finally:
        child.kill()
        child.wait()
        child.stdout.close() if child.stdout else None


class Ray(grpc.GenericRpcHandler):
    """Answers like one of Ray's servers: only its own questions, with the given status."""

    def __init__(self, known: str, status: grpc.StatusCode | None) -> None:
        self._known, self._status = known, status

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method != self._known:
            return None

        def answer(request: bytes, context: Any) -> bytes:
            if self._status is not None:
                context.abort(self._status, "no token")
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


def ray_at(known: str, status: grpc.StatusCode | None) -> tuple[grpc.Server, Listening]:
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Ray(known, status)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, found("ray::IDLE", "127.0.0.1", port)


@pytest.mark.parametrize("question", sockets._QUESTIONS)
def test_a_server_that_asks_for_the_token_refuses_strangers(question: str) -> None:
    server, one = ray_at(question, grpc.StatusCode.UNAUTHENTICATED)
    assert refuses_strangers(one)
    server.stop(None)


@pytest.mark.parametrize("question", [*sockets._QUESTIONS, "/another/question"])
@pytest.mark.parametrize("status", [None, grpc.StatusCode.INTERNAL])
def test_a_server_that_answers_does_not(question: str, status: grpc.StatusCode | None) -> None:
    server, one = ray_at(question, status)
    assert not refuses_strangers(one)
    server.stop(None)


@pytest.fixture
def web() -> Iterator[tuple[Listening, list[int]]]:
    status = [401]

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found("ray::RuntimeEnvAgent", "127.0.0.1", server.server_port), status
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_server_of_ray_must_refuse_too(web: tuple[Listening, list[int]]) -> None:
    one, status = web
    assert refuses_strangers(one)
    status[0] = 200
    assert not refuses_strangers(one)


def test_a_socket_that_closes_meanwhile_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert refuses_strangers(found("ray::IDLE", "127.0.0.1", port))


def test_a_silent_socket_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not refuses_strangers(found("ray::IDLE", "127.0.0.1", server.getsockname()[1]))
