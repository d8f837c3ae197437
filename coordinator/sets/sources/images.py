"""A folder of images, one folder per label in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from ..base import Collected, SetOptions, refused
from ..bounds import MAX_IMAGE_BYTES, MAX_PIXELS, files_of, require_file, require_room

WORDS = "a folder of images with a folder per label"
RANK = 2
_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What is looked for in a file: other readers of the library start programs."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def takes(path: Path, _options: SetOptions) -> bool:
    """A folder that holds an image somewhere."""
    return path.is_dir() and any(_images(path))


def read(path: Path, specs: Sequence[InputSpec], options: SetOptions) -> Collected:
    """See `base.SourceKind`. The shorter side is resized, then the middle is cut out."""
    spec = _input_of(specs)
    layout, channels, size = _layout(spec, options)
    files = files_of(_images(path), path)
    require_room(len(files), (*size, channels), spec.dtype, path)
    shape = (channels, *size) if layout == "NCHW" else (*size, channels)
    values = np.empty((len(files), *shape), spec.dtype)
    for at, file in enumerate(files):
        pixels = _pixels(file, _MODES[channels], size).reshape(*size, channels).astype(np.float64)
        if spec.dtype.startswith("float"):
            pixels = (pixels * options.scale - _each(options.mean, channels)) / _each(
                options.std, channels
            )
        values[at] = np.moveaxis(pixels, -1, 0) if layout == "NCHW" else pixels
    inside = [file.relative_to(path) for file in files]
    labels = (
        tuple(one.parts[0] for one in inside) if all(len(p.parts) > 1 for p in inside) else None
    )
    done: dict[str, object] = {
        "source": "images",
        "size": list(size),
        "resize": "shorter side, then the middle",
        "layout": layout,
        "colours": _MODES[channels],
    }
    if spec.dtype.startswith("float"):
        done |= {"scale": options.scale, "mean": list(options.mean), "std": list(options.std)}
    return Collected({spec.name: values}, labels, tuple(one.as_posix() for one in inside), done)


def _images(path: Path) -> Iterator[Path]:
    return (one for one in path.rglob("*") if one.suffix.lower() in _ENDINGS and one.is_file())


def _input_of(specs: Sequence[InputSpec]) -> InputSpec:
    images = [one for one in specs if len(one.shape) == 4]
    if len(specs) != 1 or not images:
        shapes = ", ".join(f"{one.name} {_words(one)}" for one in specs) or "nothing"
        raise refused(
            f"Images are for a model with one input of four axes; this one takes {shapes}."
        )
    return images[0]


def _layout(spec: InputSpec, options: SetOptions) -> tuple[str, int, tuple[int, int]]:
    """Where the channels are, how many there are, and height and width."""
    _, first, second, third = spec.shape
    layout = "NCHW" if first in _MODES or third not in _MODES else "NHWC"
    channels = first if layout == "NCHW" else third
    height, width = (second, third) if layout == "NCHW" else (first, second)
    if channels not in _MODES:
        raise refused(f"Input {spec.name} takes {_words(spec)}: its axis of colours is unclear.")
    if options.size is not None:
        height, width = options.size
    if height is None or width is None:
        raise refused(f"Input {spec.name} takes images of any size: name one with --size.")
    return layout, channels, (height, width)


def _pixels(file: Path, mode: str, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as error:
        raise Refused(
            Code.BUILD_TOOLS_MISSING, "Reading images needs the package pillow: pip install pillow."
        ) from error
    height, width = size
    require_file(file, MAX_IMAGE_BYTES)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise refused(
                    f"{file} has {image.width} x {image.height} pixels; {MAX_PIXELS} are taken at"
                    " most."
                )
            turned = ImageOps.exif_transpose(image).convert(mode)
            fitted = ImageOps.fit(turned, (width, height), Image.Resampling.BILINEAR)
            found: npt.NDArray[np.uint8] = np.asarray(fitted, np.uint8)
            return found
    except BadInput:
        raise
    except Exception as error:  # each format raises what it likes on damaged files
        raise refused(f"{file} is no image that can be read.") from error


def _each(values: Sequence[float], channels: int) -> npt.NDArray[Any]:
    if len(values) not in (1, channels):
        raise refused(f"{len(values)} means or deviations do not fit {channels} channels.")
    return np.array(values)


def _words(spec: InputSpec) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in spec.shape)})"
