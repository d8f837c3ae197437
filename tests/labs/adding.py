"""The plug-ins that `docs/adding.md` shows, as files."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/adding.md").read_text()


def examples(text: str) -> dict[str, str]:
    """The files that a text shows, by their path below the folder."""
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = {}
    for block in blocks:
        first, _, rest = block.partition("\n")
        place = re.fullmatch(r"# FOLDER/(\S+\.py)", first)
        assert place, f"an example begins with the file that it is: {first}"
        found[place[1]] = rest
    return found


def write_examples(folder: Path) -> Path:
    """A folder of plug-ins with every example."""
    for name, text in examples(PAGE).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
