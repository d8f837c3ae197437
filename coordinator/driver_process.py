"""Starting a driver: its command, its environment, its folders."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .config import CoordinatorConfig
from .events import EventReader

REPLICA_VARIABLE = "BITGAUGE_REPLICA"
"""Where the node of an embedded Ray keeps its copies of blobs."""
_LOG_LIMIT_BYTES = 4 << 20


def log_path(config: CoordinatorConfig) -> Path:
    """Where the driver's output goes."""
    return config.logs_folder / "driver.log"


def start(
    config: CoordinatorConfig, ray_folder: Path
) -> tuple[subprocess.Popen[bytes], EventReader]:
    """Start a driver in a session of its own, with a pipe on which it reports.

    Its own session means: Ctrl-C in the terminal reaches the supervisor alone.
    """
    read, write = os.pipe()
    command = [sys.executable, "-m", "bitgauge.coordinator.driver"]
    command += [config.to_json(), str(write), str(ray_folder)]
    path = log_path(config)
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    try:
        with path.open("ab") as log:
            driver = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(config, os.environ, ray_folder),
                pass_fds=(write,),
                cwd=config.home,
                start_new_session=True,
            )
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    return driver, EventReader(read)


def environment(
    config: CoordinatorConfig, inherited: Mapping[str, str], ray_folder: Path
) -> dict[str, str]:
    """The environment of the driver and of all that Ray starts.

    An embedded Ray gets our token and never somebody's cluster; an external one keeps the
    token settings that its owner made.
    """
    made = {
        **inherited,
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Ray would end our actor when a model that is measured here fills the memory.
        "RAY_memory_monitor_refresh_ms": "0",
        "PYTHONUNBUFFERED": "1",
    }
    if config.ray_address is None:
        for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN"):
            made.pop(name, None)
        made["RAY_AUTH_TOKEN_PATH"] = str(config.ray_token_path)
        made[REPLICA_VARIABLE] = str(ray_folder / "replica")
    return made


@contextlib.contextmanager
def ray_folder() -> Iterator[Path]:
    """A private folder for Ray's session and the replica, removed afterwards.

    Its name is short because the paths of Ray's sockets may have 107 bytes at most.
    """
    base = "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="bg-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def session_base(folder: Path) -> Path:
    """What Ray is given as its temporary folder.

    Ray opens that one to everybody (mode 0777), with its sockets in it; the private folder
    around it keeps other users out.
    """
    return folder / "r"


def keep_ray_logs(folder: Path, config: CoordinatorConfig) -> None:
    """Keep Ray's own logs of a driver that ended by itself; they say why."""
    source = session_base(folder) / "session_latest" / "logs"
    target = config.logs_folder / "ray"
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(source, target)
