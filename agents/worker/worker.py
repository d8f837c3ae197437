"""The child: one launch of one pass, then the end: ``worker SPEC PARENT ADDRESS_SPACE PROCESSES``.

Its first act ties its life to the agent's; numpy and the runtime are imported after that. What
goes wrong is told in one sentence through the event pipe, with the traceback in the log.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from .childhood import begin

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.errors import Code

    from ..passes._channel import Channel
    from ..spec import ChildSpec

_FILE_BYTES = 4 << 30
_OF_THE_RUNTIME = ("load", "warm_up", "measure")
_DENIALS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR),
    *(errno.ENETUNREACH, errno.ENETDOWN, errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EXDEV),
)


def main(argv: list[str]) -> int:
    """Runs the launch that a spec file describes.

    Args:
        argv: path of the spec file, process id of the parent, limits of address space (bytes) and
            processes with 0 for none.
    """
    spec_file, *limits = argv
    if not begin(*limits, file_bytes=_FILE_BYTES):
        return 1

    from pathlib import Path

    import msgspec

    from ..passes._channel import Channel
    from ..spec import ChildSpec

    spec = msgspec.json.decode(Path(spec_file).read_bytes(), type=ChildSpec)
    channel = Channel(spec.event_fd, spec.ack_fd, began_ns=spec.asked_ns)
    try:
        _work(spec, channel)
    except BrokenPipeError:
        return 1  # the agent has gone; nobody listens
    return 0


def _work(spec: ChildSpec, channel: Channel) -> None:
    import traceback

    from bitgauge.benchmarks.common.said import said
    from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

    try:
        from .launch import run_launch

        run_launch(spec, channel)
        channel.done()
    except BrokenPipeError:
        raise
    except BitgaugeError as error:
        channel.failed(error.code.value, error.sentence)
    except MemoryError:
        channel.failed(Code.OUT_OF_MEMORY.value, "The artifact needs more memory than there is.")
    except ImportError as error:
        traceback.print_exc()
        sentence = f"A library of the runtime cannot be loaded on this device: {said(error)}."
        channel.failed(Code.RUNTIME_MISSING.value, sentence)
    except OSError as error:
        traceback.print_exc()
        channel.failed(code_of(error, channel.at).value, f"The system says: {said(error)}.")
    except Exception as error:  # the runtime is another's code and may raise anything
        from ..host.cuda import as_error

        traceback.print_exc()
        known = as_error(error)
        code = Code.INTERNAL if known is None else known.code
        sentence = f"The pass failed: {said(error)}." if known is None else known.sentence
        channel.failed(code.value, sentence)


def code_of(error: OSError, phase: str) -> Code:
    """What the refusal of the system means; in some phases only the runtime asks for anything."""
    from bitgauge.benchmarks.vocabulary.errors import Code

    if error.errno == errno.ENOSPC:
        return Code.DISK_FULL
    if error.errno in (errno.EFBIG, errno.EMFILE):
        return Code.FILE_LIMIT
    if error.errno == errno.EAGAIN:
        return Code.PROCESS_LIMIT
    if error.errno in _DENIALS and phase in _OF_THE_RUNTIME:
        return Code.SANDBOX_DENIED
    return Code.INTERNAL


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # taking the runtime down in order costs every launch time and tells nothing
