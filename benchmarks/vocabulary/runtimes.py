"""What executes an artifact: the runtime of a job whose user named none, and that of each kind.

No other module spells them.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import BadInput, Code

DEFAULT_RUNTIME = "onnxruntime"

USUAL_RUNTIMES = {
    "gguf": "llamacpp",
    "tflite": "litert",
    "pt2": "torch",
    "pte": "executorch",
    "genai": "genai",
    "safetensors": "transformers",
}
"""What executes an artifact of a kind that the default does not take, while no device says so."""


def runtime_for(kind: str, asked: str, known: Mapping[str, tuple[str, ...]]) -> str:
    """What executes an artifact: what was asked for where it can, else the only one that can.

    Where no device has one that can, it is the usual one of that kind, which is to come or is
    found missing. Who named none asks for the default, which is not insisted on.

    Args:
        kind: of the artifact.
        asked: the runtime that was named, or the job's.
        known: what each runtime takes.
    """
    taken, usual = known.get(asked), USUAL_RUNTIMES.get(kind, asked)
    if kind in (taken or ()) or (taken is None and asked == usual):
        return asked
    if taken is None and asked != DEFAULT_RUNTIME:
        return asked  # nobody knows what it takes
    others = [name for name, kinds in known.items() if kind in kinds]
    if not others and asked == DEFAULT_RUNTIME:
        return usual
    return others[0] if len(others) == 1 else asked


def require_taken(
    label: str, kind: str, runtime: str, known: Mapping[str, tuple[str, ...]]
) -> None:
    """Refuse an artifact that its runtime does not execute on any device.

    Raises:
        BadInput: `WRONG_ARTIFACT_KIND`.
    """
    taken = known.get(runtime)
    if taken is not None and kind not in taken:
        others = sorted(name for name, kinds in known.items() if kind in kinds)
        named = f"; {' and '.join(others)} take it, name one with --runtime" if others[1:] else ""
        raise BadInput(
            Code.WRONG_ARTIFACT_KIND,
            f"{label} is of kind {kind}, and {runtime} takes {' and '.join(taken)}{named}.",
        )
