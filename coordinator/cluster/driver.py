"""Holds Ray and the handle of the coordinator's actor; started by the supervisor only.

``python -m bitgauge.coordinator.cluster.driver CONFIG_JSON EVENT_DESCRIPTOR RAY_FOLDER``

Ray restarts the actor by itself; the driver asks it to serve again, because a restarted actor
remembers nothing. Exit code 0: asked to stop; 1: to be restarted; 3: refused, see the event.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any

import ray
import ray.exceptions
from bitgauge.benchmarks.common.prctl import die_with_parent
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..config import CoordinatorConfig, from_json
from .actor import CoordinatorActor, Refusal
from .driver_process import DriverEvent, EventKind, EventSender, session_base, task_cpus
from .sockets import require_token_mode

EXIT_STOPPED = 0
EXIT_BROKEN = 1
EXIT_REFUSED = 3
# Ray takes 75 MiB at least; our tasks pass digests, so it needs no more.
OBJECT_STORE_BYTES = 80 << 20
ACTOR_STOP_S = 4.0
HARD_STOP_S = 7.0
FAILED_STARTS = 5

_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The supervisor asked us to end."""


class Driver:
    """One Ray session with one actor in it."""

    def __init__(self, config: CoordinatorConfig, events: EventSender, ray_folder: str) -> None:
        self._config = config
        self._events = events
        self._ray_folder = ray_folder
        # Fed by Ray's threads and by the signal handler; SimpleQueue.put is re-entrant.
        self._arrivals: SimpleQueue[Any] = SimpleQueue()
        self._stopping = False

    def run(self) -> int:
        """Serve until asked to stop.

        Returns:
            The exit code.
        """
        signal.signal(signal.SIGTERM, self._stop)
        try:
            self._join_ray()
            signal.signal(signal.SIGTERM, self._stop)  # Ray has put its own there
            self._actor = self._make_actor()
            return self._serve()
        except BitgaugeError as error:
            return self._refuse(error.code, error.sentence)
        except _Stopped:
            self._end_actor()
            return EXIT_STOPPED

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            # Whatever hangs below, this process ends; the kernel ends Ray's with it.
            watchdog = threading.Timer(HARD_STOP_S, os._exit, (EXIT_BROKEN,))
            watchdog.daemon = True
            watchdog.start()
            self._arrivals.put(_Stopped())

    def _join_ray(self) -> None:
        common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
        if self._config.ray_address is not None:
            ray.init(address=self._config.ray_address, **common)
            require_token_mode(ray.get_runtime_context().gcs_address)
            return
        ray.init(
            address="local",
            num_cpus=task_cpus(self._config),
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(session_base(Path(self._ray_folder))),
            _node_ip_address="127.0.0.1",
            **common,
        )

    def _make_actor(self) -> Any:
        """Not detached, restarted for ever, on this node: the store is a local file."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        remote: Any = CoordinatorActor
        return remote.options(
            max_restarts=-1, max_task_retries=0, num_cpus=0, scheduling_strategy=here
        ).remote(self._config)

    def _serve(self) -> int:
        failed, serving = 0, True
        while failed < FAILED_STARTS:
            try:
                answer = self._settle(self._actor.start.remote())
                if isinstance(answer, Refusal):
                    return self._refuse(answer.code, answer.sentence)
                failed, serving = 0, True
                self._events.send(DriverEvent(EventKind.SERVING))
                self._settle(self._actor.serve.remote())
                _log.error("the actor stopped serving by itself")
            except ray.exceptions.RayActorError as error:
                _log.warning("the actor is lost: %s", error)
            failed += 1
            if serving:  # an actor that is still restarting on a busy machine has ended once
                serving = False
                self._events.send(DriverEvent(EventKind.ACTOR_LOST))
            time.sleep(0.1 * failed)
        return EXIT_BROKEN

    def _settle(self, reference: Any) -> Any:
        """What `reference` becomes, unless we are asked to stop meanwhile."""
        reference.future().add_done_callback(self._arrivals.put)
        arrival = self._arrivals.get()
        if isinstance(arrival, _Stopped):
            raise arrival
        return arrival.result()

    def _refuse(self, code: Code, sentence: str) -> int:
        self._events.send(DriverEvent(EventKind.REFUSED, code, sentence))
        return EXIT_REFUSED

    def _end_actor(self) -> None:
        """Let the actor finish its answers and close the store."""
        try:
            ray.get(self._actor.stop.remote(), timeout=ACTOR_STOP_S)
        except (AttributeError, ray.exceptions.RayError) as error:
            _log.warning("the actor did not stop in order: %s", error)


def main(arguments: list[str]) -> int:
    """Run one driver; ends when the supervisor ends, in whatever way."""
    config = from_json(arguments[0])
    events = EventSender(int(arguments[1]))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
    )
    if not die_with_parent(config.supervisor_pid, signal.SIGTERM):
        return EXIT_BROKEN
    code = EXIT_BROKEN
    try:
        code = Driver(config, events, arguments[2]).run()
    except Exception:
        _log.exception("the driver failed")
    finally:
        ray.shutdown()
        shutil.rmtree(arguments[2], ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
