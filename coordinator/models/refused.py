"""Model files that are programs or built for one device: never accepted, named in the refusal.

First bytes: zip (APPNOTE 4.3.7), pickle (opcode PROTO, PEP 307 and 3154), TensorRT plans
(`ftrt`, `ptrt` after an optional version header: seen in files, not documented by NVIDIA),
flatbuffers carry their identifier at byte 4. A QNN context binary has no documented signature
and is known by its suffix, or by the EPContext node that wraps it.
"""

from __future__ import annotations

from pathlib import PurePath

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

_ENGINES = (b"ftrt", b"ptrt")
_SUFFIXES = {
    ".bin": "a QNN context binary",
    ".dlc": "a QNN container",
    ".engine": "a TensorRT engine",
    ".pkl": "a pickle",
    ".plan": "a TensorRT engine",
    ".pt": "a PyTorch pickle",
    ".pt2": "a PyTorch archive",
    ".pth": "a PyTorch pickle",
    ".trt": "a TensorRT engine",
}
_OTHERS = {
    (4, b"TFL3"): ("tflite", "a LiteRT model"),
    (4, b"ORTM"): ("ort", "a model in ONNX Runtime's own format"),
    (0, b"GGUF"): ("gguf", "a GGUF file"),
}
"""Kinds by the place and bytes of their signature, whether or not a format here looks into them."""


def foreign_kind(head: bytes) -> str | None:
    """The artifact kind whose signature a file carries; None when it carries none that is known."""
    return _signed(head)[0]


def _signed(head: bytes) -> tuple[str | None, str]:
    for (at, signature), named in _OTHERS.items():
        if head[at : at + len(signature)] == signature:
            return named
    return None, ""


def refuse_by_content(data: bytes, label: str) -> None:
    """Refuse what the first bytes betray.

    Raises:
        BadInput: REFUSED_FORMAT for programs and engines, BAD_MODEL for other runtimes' models.
    """
    if data[:4] == b"PK\x03\x04":
        raise _refused(label, "a zip archive, as PyTorch's pickled models are")
    if len(data) > 1 and data[0] == 0x80 and data[1] <= 5:
        raise _refused(label, "a pickle")
    if data[:4] in _ENGINES or _after_version_header(data) in _ENGINES:
        raise _refused(label, "a TensorRT engine")
    kind, other = _signed(data)
    if kind is not None:
        raise BadInput(Code.BAD_MODEL, f"{label} is {other}, not ONNX.")


def refuse_by_suffix(label: str) -> None:
    """Refuse what did not decode as ONNX and is called like a program or an engine.

    Raises:
        BadInput: REFUSED_FORMAT.
    """
    what = _SUFFIXES.get(PurePath(label).suffix.lower())
    if what is not None:
        raise _refused(label, f"no ONNX model but, by its name, {what}")


def refuse_embedded_engine(label: str) -> None:
    """Refuse an ONNX file that only wraps an engine built for one device (an EPContext node).

    Raises:
        BadInput: REFUSED_FORMAT, always.
    """
    raise _refused(label, "an ONNX file around a prebuilt engine (an EPContext node)")


def _after_version_header(data: bytes) -> bytes:
    """The four bytes after TensorRT's optional header: a length, then that much JSON."""
    if data[4:5] != b"{":
        return b""
    start = 4 + int.from_bytes(data[:4], "little")
    return data[start : start + 4]


def _refused(label: str, what: str) -> BadInput:
    return BadInput(Code.REFUSED_FORMAT, f"{label} is {what}.")
