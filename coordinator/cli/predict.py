"""The command `predict-saturation`: what a model would lose elsewhere, without a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.shown import counted

from .common import Json, answer

if TYPE_CHECKING:
    from ..tasks.predict_saturation import LayerPrediction, Prediction


def predict_saturation(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.")],
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="SET", help="Run it here on this evaluation set, to say how often."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="The most of its samples to run.", show_default="256"),
    ] = None,
    output: Annotated[
        str,
        typer.Option(metavar="NAME", help="Output to judge, where not the one that labels fit."),
    ] = "",
    json: Json = False,
) -> None:
    """Say which layers would saturate on an x86 host without VNNI; no device is needed.

    Example: bitgauge predict-saturation model_int8.onnx

    Example: bitgauge predict-saturation model_int8.onnx --data digits.npz
    """
    from ..tasks.predict_saturation import SAMPLES, predict

    if samples is not None and data is None:
        raise BadInput(Code.BAD_ARGUMENT, "--samples says how many of --data to run; give both.")
    if output and data is None:
        raise BadInput(Code.BAD_ARGUMENT, "--output says what of --data to judge; give both.")
    found = predict(model, data, samples or SAMPLES, output)
    answer(found, prediction_text, json=json)


def prediction_text(found: Prediction) -> str:
    """The prediction as a person reads it."""
    from ..builders._sessions import EXACT_MODE

    lines = [found.summary]
    if found.layers:
        from .text.layout import columns

        measured = any(one.saturated_pct is not None for one in found.layers)
        emulated = ("saturated", "wrong outputs") if measured else ()
        heads = ("layer", "operator", "K", "unsafe pairs", *emulated, "verdict")
        cells = [_cells(one, measured) for one in found.layers]
        lines += ["", *columns(cells, heads, right=range(2, len(heads) - 1))]
    if found.seven_bit_layers:
        lines += [
            "",
            "Give these layers 7-bit weights (reduce_range), or quantize weights as u8, or run"
            f" with {EXACT_MODE}:",
            *(f"  {name}" for name in found.seven_bit_layers),
        ]
    if found.samples:
        lines += ["", _outcome(found)]
    return "\n".join(lines)


def _cells(one: LayerPrediction, measured: bool) -> tuple[str, ...]:
    unsafe = "-" if one.unsafe_pct is None else f"{one.unsafe_pct:.2f} %"
    depth = str(one.depth) if one.depth else "-"
    emulated: tuple[str, ...] = ()
    if measured:
        rate = "-" if one.saturated_pct is None else f"{one.saturated_pct:.2g} %"
        wrong = "-" if one.wrong_outputs_pct is None else f"{one.wrong_outputs_pct:.2g} %"
        emulated = (rate, wrong)
    return (one.name, one.op_type, depth, unsafe, *emulated, one.verdict)


def _outcome(found: Prediction) -> str:
    text = f"On {counted(found.samples, 'sample')}"
    if found.samples < found.of_samples:
        text = f"On {found.samples} of {found.of_samples} samples (--samples runs more)"
    if found.changed_predictions is not None:
        verb = "changes" if found.changed_predictions == 1 else "change"
        text += f", {counted(found.changed_predictions, 'prediction')} {verb}"
    if found.accuracy_here_pct is not None and found.accuracy_there_pct is not None:
        text += (
            f"; accuracy {found.accuracy_here_pct:.2f} % here,"
            f" {found.accuracy_there_pct:.2f} % on such a host"
        )
    if found.not_judged:
        text += f"; no predictions are compared: {found.not_judged}"
    elif found.output:
        text += f", output {found.output}"
    return f"{text}."


PLACE = 60
"""Where the commands of this file stand in the help."""
COMMANDS = (predict_saturation,)
