"""Reference models trained on real data, with their calibration and evaluation sets.

Three classifiers of scikit-learn's handwritten digits: the 1,797 test images of E. Alpaydin and
C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998
(doi.org/10.24432/C50P49, CC BY 4.0). All take one input, `pixels`, float32
[batch, 1, 8, 8] in 0..1, and return `logits`, float32 [batch, 10], so one evaluation set and one
calibration set serve them all. `tests/labs/zoo/train.py` made the ONNX files and the sets, and
`tests/labs/zoo/forms.py` of them the same models for other runtimes.

And one decoder, `tiny-llama`: LLaMA architecture, 3.28 million parameters, one token a byte,
trained on prose of Python's documentation (PSF-2.0, `tiny-llama.LICENSE`), evaluated and calibrated
with pages that it never saw. `tests/labs/zoo/decoder/train.py` made its files. It is there to be
measured: it spells, and knows nothing.

Importing this package loads nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..vocabulary.enums import ModelClass

ARTIFACT_KIND = "onnx"
"""What their files are."""
FORMS = ("tflite", "pt2")
"""Kinds in which each model is there too: of one sample a call as tflite, of any number as pt2."""

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class ZooModel:
    """One committed FP32 model: its label in the table, its class, its ONNX file."""

    name: str
    model_class: ModelClass
    path: Path

    @property
    def evaluation_path(self) -> Path:
        """One set for all of them."""
        return evaluation_path()

    @property
    def calibration_path(self) -> Path:
        """One set for all of them."""
        return calibration_path()

    def form(self, kind: str) -> Path:
        """The file of another artifact kind that computes the same, one of `FORMS`."""
        return self.path.with_suffix(f".{kind}")

    def built(self, kind: str) -> dict[str, Path]:
        """Files of an artifact kind that were built of the model and committed, by recipe.

        They are there so that a first look needs no builder's environment, which is large.
        """
        found = (_FOLDER / "built").glob(f"{self.name}.*.{kind}")
        return {path.name.split(".")[1]: path for path in sorted(found)}


@dataclass(frozen=True, slots=True)
class ZooDecoder:
    """One committed language model: its label in the table, its class, its GGUF file in float16.

    Its sets are text sets of the tokens of its own tokenizer.
    """

    name: str
    model_class: ModelClass
    path: Path

    @property
    def evaluation_path(self) -> Path:
        """24 documents of 1,020 tokens each, four windows of 255 and the one that begins a text."""
        return self.path.with_name(f"{self.name}-evaluation.npz")

    @property
    def calibration_path(self) -> Path:
        """16 other documents of 2,040 tokens each."""
        return self.path.with_name(f"{self.name}-calibration.npz")

    @property
    def known_perplexity(self) -> float:
        """Of the evaluation set, when it was committed: by torch, in float32, by token."""
        import json

        record = json.loads(self.path.with_suffix(".json").read_text(encoding="utf-8"))
        return float(record["perplexity"])


def decoder() -> ZooDecoder:
    """The decoder; not among `models`, whose runtimes and sets are others."""
    return ZooDecoder("tiny-llama", ModelClass.TRANSFORMER, _FOLDER / "tiny-llama.gguf")


def models() -> tuple[ZooModel, ...]:
    """The models, quickest to build and measure first."""
    return tuple(
        ZooModel(name, model_class, _FOLDER / f"{name}.onnx")
        for name, model_class in (
            ("digits-mlp", ModelClass.MLP),
            ("digits-cnn", ModelClass.CNN),
            ("digits-transformer", ModelClass.TRANSFORMER),
        )
    )


def known_accuracy(name: str) -> float:
    """Share of the evaluation set that the model got right when it was committed, 0..1."""
    import json

    made = json.loads((_FOLDER / "zoo.json").read_text(encoding="utf-8"))
    return float(made["models"][name]["top1"])


def calibration_path() -> Path:
    """The calibration set: 256 images of the training part."""
    return _FOLDER / "calibration.npz"


def evaluation_path() -> Path:
    """The evaluation set: 899 images that no model was trained or calibrated on."""
    return _FOLDER / "evaluation.npz"
