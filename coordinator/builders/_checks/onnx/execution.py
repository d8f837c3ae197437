"""Runs a model a few times, with a limit of time; nothing is timed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import _sessions

LIMIT_S = 120.0
"""How long one call may take."""

Array = npt.NDArray[Any]
Feeds = Mapping[str, Array]


class TooSlow(Exception):
    """One call did not end in time."""


def opened(model: str | bytes | Path, *, exact: bool = True, **options: Any) -> Any:
    """A session, with integer kernels that are exact on every host; options of `open_session`."""
    path = str(model) if isinstance(model, Path) else model
    return _sessions.open_session(path, exact=exact, **options)


def run(
    session: Any, feeds: Feeds, names: Sequence[str], limit_s: float = LIMIT_S
) -> dict[str, Array]:
    """The named outputs; what is no tensor (a sequence, a map) is left out.

    Raises:
        TooSlow: `limit_s` went by.
        Exception: whatever onnxruntime raises.
    """
    import onnxruntime

    options = onnxruntime.RunOptions()
    over = threading.Event()

    def stop() -> None:
        over.set()
        options.terminate = True

    timer = threading.Timer(limit_s, stop)
    timer.start()
    try:
        values = session.run(list(names), dict(feeds), options)
    except Exception as error:
        if over.is_set():
            raise TooSlow from error
        raise
    finally:
        timer.cancel()
    pairs = zip(names, values, strict=True)
    return {name: value for name, value in pairs if isinstance(value, np.ndarray)}
