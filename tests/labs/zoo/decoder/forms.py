"""The decoder in other forms, made of the weights in its committed file.

    pip install -c constraints.txt -e . && pip install gguf safetensors
    python -m tests.labs.zoo.decoder.forms FOLDER

`FOLDER/hugging-face` is what transformers and the builders of ONNX and safetensors open, and
`FOLDER/tiny-llama-f32.gguf` what llama.cpp takes as the reference. All hold the same numbers in
float32. Two runs give the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bitgauge.benchmarks import zoo

from . import as_folder, as_gguf


def main(folder: Path) -> None:
    """Write both forms into `folder`."""
    weights, size = as_gguf.read(zoo.decoder().path)
    as_folder.write(weights, size, folder / "hugging-face")
    as_gguf.write(weights, size, folder / f"{as_gguf.NAME}-f32.gguf", half=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
