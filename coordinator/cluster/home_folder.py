"""Makes the state folder ready, and finds out who holds it already."""

from __future__ import annotations

import socket

import filelock
import psutil
from bitgauge.benchmarks.common.files import write_durably
from bitgauge.benchmarks.vocabulary.errors import Code, Internal

from ..access.tokens import ensure_local_tokens, ensure_token
from ..config import CoordinatorConfig
from ..store.state_folder import read_holder, running_error


def prepare(config: CoordinatorConfig) -> bool:
    """Make the state folder (mode 0700) with its tokens and log folder.

    Returns:
        Whether others could look into the folder, or write to it, until now.

    Raises:
        Refused: `NOT_OWNER` or `PLANTED`, others have left something there.
        Internal: `START_FAILED` when the folder cannot be made or written.
    """
    folder = config.home_folder
    try:
        was_open = config.claim()
        config.logs_folder.mkdir(mode=0o700, exist_ok=True)
        ensure_local_tokens(config.tokens_folder)
        ensure_token(config.ray_token_path)
    except OSError as error:
        raise Internal(
            Code.START_FAILED, f"State folder {folder} cannot be used: {error.strerror}."
        ) from error
    return was_open


def keep_webhook(config: CoordinatorConfig, url: str | None) -> None:
    """Put where alerts go into a file that only its owner reads; None: they go nowhere."""
    path = config.alert_webhook_path
    if url is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(path, url.encode(), 0o600)


def read_webhook(config: CoordinatorConfig) -> str | None:
    """Where alerts go; None when they go nowhere."""
    try:
        return config.alert_webhook_path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


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
