"""The prose of Python's documentation as one file of plain text, from Debian's package of it.

    apt-get download python3.11-doc && dpkg-deb -x python3.11-doc_*.deb docs
    python -m tests.labs.zoo.decoder.extract docs/usr/share/doc/python3.11/html/_sources

Of each page the paragraphs stay that are prose, with the markup taken out of them; a paragraph that
occurs on several pages stays on the first. The pages of a few folders are enough. Python's licence
lets the text be changed and passed on; `benchmarks/zoo/tiny-llama.LICENSE` is a copy.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .text import MARK, TEXT_PATH

FOLDERS = ("tutorial", "howto", "faq", "reference", "extending", "using", "library")
LARGEST_BYTES = 1_400_000
"""Pages are taken in the order of their names, folder after folder, until there is this much."""
SHORTEST_PARAGRAPH = 120
SHORTEST_PAGE = 1100

_MARKUP = (
    (re.compile(r":[a-zA-Z0-9:+-]+:`([^`<]*?)\s*<[^`>]*>`"), r"\1"),
    (re.compile(r":[a-zA-Z0-9:+-]+:`[!~]?([^`]*)`"), r"\1"),
    (re.compile(r"`([^`<]*?)\s*<[^`>]*>`_+"), r"\1"),
    (re.compile(r"``([^`]*)``"), r"\1"),
    (re.compile(r"`([^`]*)`_*"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])"), r"\1"),
    (re.compile(r"\[[#\w]+\]_"), ""),
    (re.compile(r"\|([a-z_-]+)\|"), ""),
    (re.compile(r"::$"), ":"),
    (re.compile(r"\s+"), " "),
)


def prose(source: str) -> list[str]:
    """Paragraphs of prose on a page of reStructuredText, each on one line."""
    kept = []
    for block in re.split(r"\n\s*\n", source):
        lines = block.rstrip().split("\n")
        if not re.match(r"[A-Z]", lines[0]) or any(re.match(r"[\s.=|+*~^#\"'-]", x) for x in lines):
            continue
        paragraph = " ".join(lines)
        for pattern, replacement in _MARKUP:
            paragraph = pattern.sub(replacement, paragraph)
        if len(paragraph) >= SHORTEST_PARAGRAPH and paragraph.isascii():
            kept.append(paragraph.strip())
    return kept


def main(sources: Path) -> None:
    """Write the text of every page that has enough prose."""
    seen: set[str] = set()
    pages: list[str] = []
    size = 0
    for folder in FOLDERS:
        for path in sorted((sources / folder).glob("*.rst.txt")):
            paragraphs = [one for one in prose(path.read_text(encoding="utf-8")) if one not in seen]
            seen.update(paragraphs)
            name = f"{folder}-{path.name.removesuffix('.rst.txt')}"
            page = f"{MARK}{name}\n" + "\n".join(paragraphs) + "\n"
            if len(page) < SHORTEST_PAGE or size + len(page) > LARGEST_BYTES:
                continue
            pages.append(page)
            size += len(page)
    TEXT_PATH.write_text("".join(pages), encoding="utf-8")
    print(f"{len(pages)} pages, {size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
