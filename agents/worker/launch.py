"""One launch of one pass inside the child: find the pass, measure, write the raw file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.raw.container import write_raw
from bitgauge.benchmarks.vocabulary.enums import PassName

from .. import passes, registry
from ..passes._channel import Channel
from ..passes.base import Child, PassModule
from ..spec import ChildSpec

PASSES = passes.__name__


def run_launch(spec: ChildSpec, channel: Channel) -> None:
    """Runs what `spec` asks for and writes its raw file.

    Raises:
        BitgaugeError: the artifact, the evaluation set or the runtime is at fault.
        MemoryError: the artifact needs more memory than there is.
    """
    folders = tuple(Path(folder) for folder in spec.plugins)
    runtimes = {name: registry.runtime(name, folders) for name in spec.runtimes}
    child = Child(spec, channel, runtimes, registry.device(spec.device, folders))
    raw = pass_module(spec.pass_name).measure(child)
    channel.phase("write")
    write_raw(Path(spec.result), child.with_given(raw))


def pass_module(name: PassName) -> PassModule:
    """The module that measures a pass: the file of its name below `passes`."""
    return cast(PassModule, importlib.import_module(f"{PASSES}.{name.value}"))
