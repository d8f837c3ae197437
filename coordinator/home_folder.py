"""Makes the state folder ready, and finds out who holds it already."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import filelock
import msgspec
import psutil
from bitgauge.benchmarks.errors import BitgaugeError, Code, Internal, Refused
from bitgauge.benchmarks.join_line import Address

from .config import CoordinatorConfig
from .tokens import ensure_local_tokens, ensure_token


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the store, as it wrote beside the lock."""

    pid: int
    host: str
    supervisor_pid: int


def prepare(config: CoordinatorConfig) -> None:
    """Make the state folder (mode 0700) with its tokens and log folder.

    Raises:
        Internal: `START_FAILED` when the folder cannot be made or written.
    """
    folder = config.home_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        config.logs_folder.mkdir(mode=0o700, exist_ok=True)
        ensure_local_tokens(config.tokens_folder)
        ensure_token(config.ray_token_path)
    except OSError as error:
        raise Internal(
            Code.START_FAILED, f"State folder {folder} cannot be used: {error.strerror}."
        ) from error


def keep_webhook(config: CoordinatorConfig, url: str | None) -> None:
    """Put where alerts go into a file that only its owner reads; None: they go nowhere."""
    path = config.alert_webhook_path
    path.unlink(missing_ok=True)
    if url is None:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(url)


def read_webhook(config: CoordinatorConfig) -> str | None:
    """Where alerts go; None when they go nowhere."""
    try:
        return config.alert_webhook_path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def write_holder(path: Path, supervisor_pid: int) -> None:
    """Say who holds the lock; called by the holder only."""
    holder = Holder(os.getpid(), socket.gethostname(), supervisor_pid)
    aside = path.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(holder))
    aside.replace(path)


def read_holder(path: Path) -> Holder | None:
    """Who wrote the side file last, dead or alive."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, ValueError):  # also text that is no UTF-8
        return None


def running_error(config: CoordinatorConfig) -> Refused:
    """The refusal that names the first coordinator of this folder."""
    holder = read_holder(config.holder_path)
    who = f"process {holder.pid} on {holder.host}" if holder else "another process"
    return Refused(
        Code.COORDINATOR_RUNNING,
        f"A coordinator already works on {config.home_folder}: {who}.",
    )


def refuse_if_running(config: CoordinatorConfig) -> None:
    """Refuse at once what could only wait in vain.

    The lock decides, and only the actor takes it. A held lock whose supervisor is alive on this
    host will not come free; one whose supervisor is dead belongs to an actor about to end.

    Raises:
        Refused: `COORDINATOR_RUNNING`.
    """
    lock = filelock.FileLock(config.lock_path, thread_local=False)
    try:
        with lock.acquire(timeout=0):
            return
    except filelock.Timeout:
        holder = read_holder(config.holder_path)
    if holder is None or holder.host != socket.gethostname():
        return
    if psutil.pid_exists(holder.supervisor_pid):
        raise running_error(config)


def free_port(host: str) -> int:
    """A TCP port that nobody uses at this moment."""
    with _listener(host, 0) as probe:
        return int(probe.getsockname()[1])


def refuse_if_port_taken(config: CoordinatorConfig) -> None:
    """Refuse a port that another process listens on, before anything is started.

    Raises:
        Refused: `PORT_IN_USE`.
        Internal: `START_FAILED` when the address cannot be used for another reason.
    """
    addresses = (Address(config.host, config.port), *(config.tls.addresses if config.tls else ()))
    with contextlib.ExitStack() as held:
        # All at once: two of ours may not share a port either.
        for address in addresses:
            try:
                held.enter_context(_listener(address.host, address.port))
            except OSError as error:
                raise listen_error(address, error) from error


def listen_error(address: Address, error: OSError) -> BitgaugeError:
    """Why we cannot listen, as one sentence."""
    if error.errno == errno.EADDRINUSE:
        return Refused(
            Code.PORT_IN_USE, f"Port {address.port} of {address.host} is used by another process."
        )
    return Internal(
        Code.START_FAILED, f"Cannot listen on {address}: {os.strerror(error.errno or 0)}."
    )


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As the server does: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
    except OSError:
        probe.close()
        raise
    return probe
