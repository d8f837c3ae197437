"""The child: one launch of one pass, then the end. ``python -m bitgauge.agents.worker SPEC AGENT``.

Its first act ties its life to the agent's; numpy and the runtime are imported after that. What
goes wrong is told in one sentence through the event pipe, with the traceback in the log.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .childhood import die_with_parent, limit_resources

if TYPE_CHECKING:
    from .channel import Channel
    from .spec import ChildSpec

_FILE_BYTES = 4 << 30


def main(argv: list[str]) -> int:
    """Runs the launch that a spec file describes.

    Args:
        argv: path of the spec file, process id of the agent.
    """
    spec_file, agent = argv
    if not die_with_parent(int(agent)):
        return 1
    limit_resources(file_bytes=_FILE_BYTES)

    from pathlib import Path

    import msgspec

    from .channel import Channel
    from .spec import ChildSpec

    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=ChildSpec)
    channel = Channel(spec.event_fd, spec.ack_fd)
    try:
        _work(spec, channel)
    except BrokenPipeError:
        return 1  # the agent has gone; nobody listens
    return 0


def _work(spec: ChildSpec, channel: Channel) -> None:
    import traceback

    from bitgauge.benchmarks.errors import BitgaugeError, Code

    try:
        from .launch import run_launch

        run_launch(spec, channel)
        channel.done()
    except BrokenPipeError:
        raise
    except BitgaugeError as error:
        channel.failed(error.code.value, error.sentence)
    except MemoryError as error:
        channel.failed(Code.OUT_OF_MEMORY.value, f"The artifact needs more memory: {error}.")
    except Exception as error:  # the runtime is another's code and may raise anything
        traceback.print_exc()
        first = (str(error).splitlines() or [""])[0]
        channel.failed(Code.INTERNAL.value, f"{type(error).__name__}: {first}")


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # taking the runtime down in order costs every launch time and tells nothing
