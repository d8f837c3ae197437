"""What of onnxruntime-genai may be chosen, and what it is given without a choice."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from ..base import SessionOptions

SHARED, SPINNING = "shared_cache", "spinning"
OPTIONS = (
    RuntimeOption(
        SHARED,
        ("off",),
        "keys and values of the context are copied to a longer buffer at each step; without it they"
        " are appended to one of the whole context",
    ),
    RuntimeOption(
        SPINNING, ("off",), "threads sleep between operators; they wait busily without it"
    ),
)


def chosen(options: SessionOptions) -> dict[str, str]:
    """Every option by its name: what was asked for, else what it is without that."""
    return {SHARED: "on", SPINNING: "on"} | {one.name: one.value for one in options.further}


def overlay(options: SessionOptions, picked: dict[str, str]) -> dict[str, Any]:
    """What is laid over the configuration of an artifact, whatever that says.

    Threads may spin inside a call, as in production, but not into the next block, which may be of
    another artifact.
    """
    session = {
        "intra_op_num_threads": options.threads,
        "inter_op_num_threads": 1,
        "enable_cpu_mem_arena": options.arena,
        "session.force_spinning_stop": "1",
        "session.intra_op.allow_spinning": "1" if picked[SPINNING] == "on" else "0",
    }
    return {"model": {"decoder": {"session_options": session}}}
