"""Sets without a script: `set make`, `set show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.shown import counted

from ..common import Json, answer, say, unfolded

MAX_CLASSES_BYTES = 16 << 20
"""Of a file with the names of classes."""

sets = typer.Typer(name="set", help="Evaluation and calibration sets.", no_args_is_help=True)


@sets.command("make")
@unfolded
def make_set(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Folder of images or texts, or a table.")
    ],
    *,
    model: Annotated[Path, typer.Option(metavar="MODEL", help="What the set is for.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The evaluation set.")
    ],
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A calibration set besides.")
    ] = None,
    calibrate: Annotated[
        int, typer.Option(min=1, metavar="N", help="Samples or documents of the calibration set.")
    ] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Of the division into two sets.")] = 0,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Names of the classes, one a line, as the model has them."
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Of images, when the model takes any.")
    ] = None,
    scale: Annotated[float, typer.Option(help="What a pixel of 0 to 255 is multiplied by.")] = 1
    / 255,
    mean: Annotated[str, typer.Option(help="Subtracted from each channel, with commas.")] = "0",
    std: Annotated[str, typer.Option(help="Divided by, with commas.")] = "1",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Labels of a table.")] = "label",
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Texts of a table.")] = "",
    tokenizer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="tokenizer.json, or a WordPiece vocab.txt.")
    ] = None,
    length: Annotated[int | None, typer.Option(min=1, help="Most tokens of a text.")] = None,
    json: Json = False,
) -> None:
    """Make an evaluation set, and a calibration set that shares no sample with it.

    Example: bitgauge set make photos/ --model net.onnx -o eval.npz --calibration cal.npz

    Example: bitgauge set make iris.csv --model iris.onnx --label species -o eval.npz

    Example: bitgauge set make texts/ --model model.gguf --tokenizer tokenizer.json -o eval.npz
    """
    from ...models.recognise import inspect_model
    from ...sets.base import SetOptions
    from ...sets.documents import make_texts, save_texts
    from ...sets.make import make_sets, save

    if not 0 < scale < float("inf"):
        raise BadInput(Code.BAD_ARGUMENT, f"--scale {scale} is not a number above 0.")
    options = SetOptions(
        size=_size(size),
        scale=scale,
        mean=_numbers(mean, "--mean"),
        std=_numbers(std, "--std"),
        label=label,
        text=text,
        tokenizer=tokenizer,
        length=length,
    )
    facts = inspect_model(model, str(model))
    if facts.decoder is not None:
        sha256, wanted = facts.decoder.tokenizer_sha256, calibrate if calibration else 0
        texts = make_texts(source, model, sha256, options, calibration=wanted, seed=seed)
        save_texts(texts, output, calibration)
        _show(output, json)
        return
    made = make_sets(
        source,
        facts.inputs,
        options,
        classes=_lines(classes) if classes is not None else (),
        calibration=calibrate if calibration is not None else 0,
        seed=seed,
    )
    save(made, output, calibration)
    if made.classes == "alphabetical":
        say(
            "note: the classes are numbered alphabetically; --classes FILE gives the model's order."
        )
    _show(output, json)
    if calibration is not None and made.calibration is not None and not json:
        say(f"{calibration}: {counted(len(made.calibration), 'sample')} to calibrate with.")


@sets.command("show")
@unfolded
def show_set(
    file: Annotated[Path, typer.Argument(metavar="SET", help="An evaluation or calibration set.")],
    *,
    json: Json = False,
) -> None:
    """Say what a set holds.

    Example: bitgauge set show eval.npz
    """
    _show(file, json)


def _show(file: Path, json: bool) -> None:
    from bitgauge.benchmarks.quality.sets import read_evaluation_set
    from bitgauge.benchmarks.quality.texts import is_text_set, read_text_set

    from ..text.sets import facts_of, facts_of_texts, set_text, texts_text

    if is_text_set(file):
        texts = facts_of_texts(read_text_set(file))
        answer(texts, lambda facts: texts_text(str(file), facts), json=json)
        return
    evaluation = read_evaluation_set(file)
    answer(facts_of(evaluation), lambda facts: set_text(str(file), facts), json=json)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise BadInput(Code.BAD_ARGUMENT, f"--size {text!r} is not like 224x224.")
    return int(height), int(width)


def _numbers(text: str, name: str) -> tuple[float, ...]:
    from math import isfinite

    try:
        found = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"{name} {text!r} is not numbers with commas.") from error
    if not all(map(isfinite, found)) or (name == "--std" and not all(found)):
        raise BadInput(Code.BAD_ARGUMENT, f"{name} {text!r} holds a number that cannot be used.")
    return found


def _lines(path: Path) -> tuple[str, ...]:
    try:
        lines = bounded_bytes(path, MAX_CLASSES_BYTES).decode("utf-8").splitlines()
    except ValueError as error:
        raise BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read as text.") from error
    return tuple(line.strip() for line in lines if line.strip())
