"""The probe's child: asks one runtime what its kernels do and how fast it ever is.

``probe_child RUNTIME PARENT ADDRESS_SPACE PROCESSES TIMED RESULT [PLUGIN_FOLDER ...]``. It is put
into the same box as a pass: tiny models meet the same libraries that artifacts do. Unless `TIMED`
is 1 it measures no anchors: emulated time is not time.
"""

from __future__ import annotations

import os
import sys

from .childhood import begin

_FILE_BYTES = 16 << 20


def main(arguments: list[str]) -> int:
    """Writes ``{"modes": {...}, "anchors": {...}}`` or ``{"problem": "..."}``."""
    name, parent, space, processes, timed, result, *folders = arguments
    if not begin(parent, space, processes, file_bytes=_FILE_BYTES):
        return 1

    import traceback
    from pathlib import Path

    import msgspec
    from bitgauge.benchmarks.common.files import write_durably
    from bitgauge.benchmarks.common.said import said as words
    from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

    from .. import registry
    from ..host.anchoring import read_with_load

    try:
        runtime = registry.runtime(name, tuple(map(Path, folders)))
        kernels, anchors = runtime.TRAITS.kernels, runtime.TRAITS.anchors
        runtime.prepare()
        said: dict[str, object] = {"modes": {} if kernels is None else kernels()}
    except BitgaugeError as error:
        said = {"problem": error.sentence}
    except Exception as error:  # the runtime is another's code and may raise anything
        traceback.print_exc()
        said = {"problem": words(error)}
    if "modes" in said and anchors is not None and timed == "1":
        # A crash below costs the anchors alone.
        write_durably(Path(result), msgspec.json.encode(said))
        try:
            said["anchors"] = read_with_load(anchors)
        except Exception:  # as above
            traceback.print_exc()
    write_durably(Path(result), msgspec.json.encode(said))
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
