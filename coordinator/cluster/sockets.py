"""The start-up check of listening sockets: ours where they should be, Ray's only behind a token.

A Ray of our own listens on loopback (`driver_process.environment` says how), which other users of
the machine reach, too. Its processes run what anybody sends who gets in, so each of its sockets is
tried without the token, and must refuse. Anything else that listens in our process tree is a
surprise, and a coordinator with a surprise does not serve.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import grpc
import psutil
from bitgauge.benchmarks.common.join_line import Address
from bitgauge.benchmarks.vocabulary.errors import Code, Refused, Unavailable

from ..config import CoordinatorConfig

PROBE = "/ray.rpc.NodeInfoGcsService/GetClusterId"
JOIN_TIMEOUT_S = 10.0
TIMEOUT_S = 3.0
AGAIN_S = 1.0
# One harmless question for each kind of Ray's servers (Ray 2.52 to 2.60); a server answers
# UNIMPLEMENTED to those of the others before it looks for a token. The object manager has no
# question that only reads; an empty pull names no object.
_QUESTIONS = (
    PROBE,
    "/ray.rpc.CoreWorkerService/GetCoreWorkerStats",
    "/ray.rpc.NodeManagerService/GetNodeStats",
    "/ray.rpc.ObjectManagerService/Pull",
)
_HTTP_QUESTION = "/get_runtime_envs_info"
_HTTP_REFUSED = (401, 403)
# Workers and helpers of Ray are Python programs until they have given themselves a name.
_RAY = re.compile(
    r"^(\S*/)?(gcs_server|raylet)( |$)|^ray::"
    r"|^\S*python\S* (-u )?\S*/ray/(_private/workers/default_worker|"
    r"_private/runtime_env/agent/main|dashboard/agent)\.py( |$)"
    r"|^\S*python\S* -m bitgauge\.coordinator\.cluster\.driver "
)
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (recognised, not bound)


@dataclass(frozen=True, slots=True)
class Listening:
    """One listening socket."""

    pid: int
    process: str
    address: Address

    @property
    def is_ray(self) -> bool:
        """Whether its process is one of those that Ray opens sockets in."""
        return _RAY.search(self.process) is not None

    @property
    def name(self) -> str:
        """What people call the process; never its arguments, which may hold anything."""
        return self.process.split(" ", 1)[0].rpartition("/")[2] or "unknown"


def surprise(config: CoordinatorConfig) -> Refused | None:
    """Why the coordinator below this process must not serve; None when all is as expected."""
    ours = [Address(config.host, config.port), *(config.tls.addresses if config.tls else ())]
    found_once = surprises(listening(psutil.Process()), ours, refuses_strangers)
    if not found_once:
        return None
    time.sleep(AGAIN_S)  # a process that was just starting or ending is none
    for found in surprises(listening(psutil.Process()), ours, refuses_strangers):
        why = "lets callers in without Ray's token" if found.is_ray else "was not expected"
        return Refused(
            Code.SURPRISE_SOCKET,
            f"Process {found.pid} ({found.name}) listens on {found.address}, which {why}.",
        )
    return None


def surprises(
    found: Iterable[Listening],
    ours: Iterable[Address],
    refuses: Callable[[Listening], bool],
) -> tuple[Listening, ...]:
    """Those of the sockets found that are neither ours nor Ray's and closed to strangers."""
    expected = {_plain(address) for address in ours}
    return tuple(
        one
        for one in found
        if _plain(one.address) not in expected and not (one.is_ray and refuses(one))
    )


def _plain(address: Address) -> Address:
    """One spelling for each place: gRPC binds IPv4 addresses as mapped IPv6 ones."""
    host = address.host.removeprefix("::ffff:")
    host = "127.0.0.1" if host == "localhost" else host
    return Address("*" if host in _EVERYWHERE else host, address.port)


def listening(top: psutil.Process) -> tuple[Listening, ...]:
    """Every TCP socket on which `top` or a process below it listens."""
    found: dict[tuple[int, Address], Listening] = {}
    for process in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = " ".join(process.cmdline()) or process.name()
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    address = Address(connection.laddr.ip, connection.laddr.port)
                    found[process.pid, address] = Listening(process.pid, words, address)
    return tuple(found.values())


def refuses_strangers(one: Listening) -> bool:
    """Whether a caller without a token is turned away, by trying."""
    host = {"0.0.0.0": "127.0.0.1", "::": "localhost"}.get(one.address.host, one.address.host)  # noqa: S104
    target = Address(host, one.address.port)
    answers = set()
    with grpc.insecure_channel(str(target), options=(("grpc.enable_http_proxy", 0),)) as channel:
        for question in _QUESTIONS:
            answer = _ask(channel, question)
            if answer is grpc.StatusCode.UNAUTHENTICATED:
                return True
            if answer is not grpc.StatusCode.UNIMPLEMENTED:
                answers.add(answer)
                break
    if answers == {grpc.StatusCode.UNAVAILABLE}:
        return _refuses_over_http(target) or _is_gone(target)
    return False


def _ask(channel: grpc.Channel, question: str) -> grpc.StatusCode:
    call = channel.unary_unary(question, lambda request: request, lambda response: response)
    try:
        call(b"", timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        status: grpc.StatusCode = error.code()
        return status
    return grpc.StatusCode.OK


def _refuses_over_http(target: Address) -> bool:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", _HTTP_QUESTION)
        return connection.getresponse().status in _HTTP_REFUSED
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_gone(target: Address) -> bool:
    """Whether the socket has been closed meanwhile."""
    try:
        socket.create_connection((target.host, target.port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def require_token_mode(gcs_address: str) -> None:
    """Refuse the cluster whose control service is at `gcs_address` unless it asks for a token.

    Raises:
        Refused: `RAY_INSECURE`: it answered a caller without token.
        Unavailable: `UNREACHABLE`: it did not answer at all.
    """
    with grpc.insecure_channel(gcs_address) as channel:
        knock = channel.unary_unary(PROBE, lambda request: request, lambda response: response)
        try:
            knock(b"", timeout=JOIN_TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Unavailable(
                    Code.UNREACHABLE, f"The Ray cluster at {gcs_address} does not answer."
                ) from error
    raise Refused(Code.RAY_INSECURE, f"The Ray cluster at {gcs_address} asks for no token.")
