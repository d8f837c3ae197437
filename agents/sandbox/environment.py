"""The environment of a child: nothing of the agent's but what finds programs and libraries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..host import process
from ..spec import TRACE_VARIABLE

# What a child keeps of the agent's environment; tokens and the rest stay out.
_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSAFEPATH",
    "LD_LIBRARY_PATH",
    "LLAMA_CPP_LIB_PATH",
    "VIRTUAL_ENV",
    "LANG",
    "LC_ALL",
    "QEMU_CPU",
    TRACE_VARIABLE,
)
_NO_CARDS = {"CUDA_VISIBLE_DEVICES": ""}
"""A child of another device computes on no card of its host, whatever the agent itself may see."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def child_environment(
    environ: Mapping[str, str],
    *,
    mark: str,
    threads: int,
    folder: Path,
    of_device: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The environment of a child.

    Args:
        environ: the agent's.
        mark: by which leftovers are found.
        threads: what libraries of the runtime may use.
        folder: the child's own; home and temporary files are there.
        of_device: what libraries are told of the device; see `devices.base.NamesDevice`.
    """
    kept = {name: environ[name] for name in _INHERITED if name in environ}
    kept |= _NO_CARDS | dict(of_device)
    kept |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    kept |= {
        process.MARK_VARIABLE: mark,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }
    return kept
