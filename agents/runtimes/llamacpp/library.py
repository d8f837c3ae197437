"""llama.cpp's library: where it is, whether it is one that the declarations fit, what it says.

The wheel `xllamacpp` is one shared object that exports the C interface and needs no compiler; a
folder of one's own (``LLAMA_CPP_LIB_PATH``, as llama-cpp-python names it) with `libllama.so` is
taken in its place, for another processor or with other kernels.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...host.isa import cpuinfo_fields, x86_flags
from ..base import RuntimeMissing
from . import declarations as api

FOLDER = "LLAMA_CPP_LIB_PATH"
"""Names a folder with a library of one's own."""
PACKAGE = "xllamacpp"
KNOWN = ("2026.10.11549",)
"""Versions of the wheel whose structures `declarations` describes: llama.cpp's build b11549."""
VERSIONS = ("0.6.0-dev",)
"""What `llama_version` of such a library says."""

_VARIABLES = {
    # Else it starts a debugger when it gives up.
    "GGML_NO_BACKTRACE": "1",
    # Its threads spin that often for the next call before they rest: 0.2 ms, long enough for the
    # next token, where libgomp's own 300,000 last into the block of another library (4 ms).
    "GOMP_SPINCOUNT": "15000",
}
_CPUINFO = Path("/proc/cpuinfo")
_WHEEL_NEEDS = ("avx2", "f16c", "fma", "bmi2")
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "llama_model_default_params": {
        "devices": None,
        "tensor_buft_overrides": None,
        "n_gpu_layers": -1,
        "split_mode": 1,
        "load_mode": -1,
        "lazy_mode": 1,
        "main_gpu": 0,
        "tensor_split": None,
        "progress_callback": None,
        "progress_callback_user_data": None,
        "kv_overrides": None,
        "vocab_only": False,
        "check_tensors": False,
        "use_extra_bufts": True,
        "no_host": False,
        "no_alloc": False,
        "load_mtp": False,
    },
    "llama_context_default_params": {
        "n_ctx": 512,
        "n_batch": 2048,
        "n_ubatch": 512,
        "n_seq_max": 1,
        "n_rs_seq": 0,
        "n_outputs_max": 0,
        "n_outputs_max_per_seq": 1,
        "n_threads": 4,
        "n_threads_batch": 4,
        "ctx_type": 0,
        "rope_scaling_type": -1,
        "pooling_type": -1,
        "attention_type": -1,
        "flash_attn_type": -1,
        "rope_freq_base": 0.0,
        "rope_freq_scale": 0.0,
        "yarn_ext_factor": -1.0,
        "yarn_attn_factor": -1.0,
        "yarn_beta_fast": -1.0,
        "yarn_beta_slow": -1.0,
        "yarn_orig_ctx": 0,
        "defrag_thold": -1.0,
        "cb_eval": None,
        "cb_eval_user_data": None,
        "type_k": 1,
        "type_v": 1,
        "moe_cache_size": 0,
        "abort_callback": None,
        "abort_callback_data": None,
        "embeddings": False,
        "offload_kqv": True,
        "no_perf": True,
        "op_offload": True,
        "swa_full": True,
        "kv_unified": False,
        "samplers": None,
        "n_samplers": 0,
        "ctx_other": None,
    },
}
_WARNING, _ERROR, _CONTINUED = 3, 4, 5  # ggml_log_level
_KEPT_LINES = 40


def found() -> tuple[Path, dict[str, str]]:
    """The library's file, and what names its version; nothing is loaded.

    Raises:
        RuntimeMissing: there is none, it is none that is known, or it is made for processors that
            have what this one has not.
    """
    if folder := os.environ.get(FOLDER):
        path = Path(folder) / "libllama.so"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RuntimeMissing(
                f"{FOLDER} names no folder with libllama.so: {error.strerror or error}."
            ) from error
        return path, {"libllama.so": hashlib.sha256(content).hexdigest()[:16]}
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.origin:
        raise RuntimeMissing(
            "The library of llama.cpp is not installed in the agent's environment."
        )
    version = importlib.metadata.version(PACKAGE)
    if version not in KNOWN:
        raise RuntimeMissing(
            f"{PACKAGE} {version} is installed, and {' or '.join(KNOWN)} is known: structures of"
            " llama.cpp change with its version."
        )
    _check_processor()
    return Path(spec.origin).parent / f"{PACKAGE}.abi3.so", {PACKAGE: version}


def _check_processor() -> None:
    """The wheel's kernels are compiled for one kind of processor and chosen by nobody."""
    try:
        flags = set(x86_flags(cpuinfo_fields(_CPUINFO.read_text())))
    except OSError:
        return
    lacking = [one for one in _WHEEL_NEEDS if one not in flags]
    if lacking and os.uname().machine == "x86_64":
        raise RuntimeMissing(
            f"{PACKAGE} is made for processors with {', '.join(_WHEEL_NEEDS)}; this one lacks"
            f" {', '.join(lacking)}. {FOLDER} may name a folder with a libllama.so made for it."
        )


@functools.cache
def loaded_library() -> ctypes.CDLL:
    """The library, loaded once a process, silent, and made sure of.

    Raises:
        RuntimeMissing: it cannot be loaded, or the declarations do not fit it.
    """
    path, _ = found()
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    try:
        loaded = ctypes.CDLL(str(path))
        api.declare(loaded)
    except OSError as error:
        raise RuntimeMissing(f"{path.name} cannot be loaded: {_why(error)}.") from error
    except AttributeError as error:
        raise _of_another_version(f"it has no {_symbol(error)}") from error
    _check(loaded)
    loaded.llama_log_set(_CALLBACK, None)
    loaded.llama_backend_init()
    return loaded


def _check(loaded: ctypes.CDLL) -> None:
    version = (loaded.llama_version() or b"").decode(errors="replace")
    if version not in VERSIONS:
        raise _of_another_version(f"it says that it is {version or 'none'}")
    for function, expected in _DEFAULTS.items():
        made = getattr(loaded, function)()
        for name, value in expected.items():
            if getattr(made, name) != value:
                raise _of_another_version(
                    f"{function} answers {name} = {getattr(made, name)}, and not {value}"
                )


def _of_another_version(why: str) -> RuntimeMissing:
    return RuntimeMissing(
        f"The library of llama.cpp is of another build than b11549 (llama_version"
        f" {' or '.join(VERSIONS)}), whose structures are known: {why}."
    )


def _why(error: OSError) -> str:
    return re.sub(r"^\S*/", "", str(error).splitlines()[0]).rstrip(".")


def _symbol(error: AttributeError) -> str:
    return str(error).rpartition(" ")[2].rstrip(":")


def system_info() -> str:
    """What its kernels were compiled for, such as ``AVX2 = 1``, as the library says it."""
    told = (loaded_library().llama_print_system_info() or b"").decode(errors="replace")
    return ", ".join(re.findall(r"(\w+) = 1", told))


class LibraryLog:
    """The last lines that the library said; warnings and errors go on to the child's own log."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=_KEPT_LINES)

    def take(self, level: int, text: bytes) -> None:
        """One piece of text, which may continue the last line."""
        said = text.decode(errors="replace")
        if level == _CONTINUED and self._lines:
            before, begun = self._lines.pop()
            self._lines.append((before, begun + said))
        else:
            self._lines.append((level, said))
        if level in (_WARNING, _ERROR):
            sys.stderr.write(said)

    def clear(self) -> None:
        """Forgets what was said."""
        self._lines.clear()

    def errors(self) -> Iterator[str]:
        """What went wrong, the first cause first."""
        for level, line in self._lines:
            if level == _ERROR:
                yield line.strip()


LOG = LibraryLog()


def _take(level: int, text: bytes | None, _: object) -> None:
    LOG.take(level, text or b"")


_CALLBACK = api.LOG_CALLBACK(_take)  # the library calls it for as long as it is loaded
