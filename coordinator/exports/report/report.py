"""A run as one HTML file: no network, no script, every name escaped. Imports jinja2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitgauge.benchmarks.record.sources import Sources
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable
from bitgauge.benchmarks.vocabulary.printable import printable_lines
from bitgauge.benchmarks.vocabulary.shown import interval

from .view import meaning, null_words, value_words, view_of

_TEMPLATES = Path(__file__).parent


def report_html(sources: Sources) -> bytes:
    """The report of one run; the same run gives the same bytes.

    Raises:
        Unavailable: `LIBRARY_MISSING`, jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise Unavailable(
            Code.LIBRARY_MISSING, f"A report needs {error.name}, which is not installed."
        ) from error
    from markupsafe import Markup

    environment: Any = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Only our own plots are markup; whatever a user named stays text.
    environment.filters["svg"] = Markup
    environment.filters |= {
        "value": value_words,
        "interval": interval,
        "null": null_words,
        "meaning": meaning,
    }
    text: str = environment.get_template("report.html").render(view=view_of(sources))
    # What is part of a plot was escaped by the plotter, and is cleaned here as everything else.
    return printable_lines(text).encode()
