"""A question is written in few places: the shell, whoever answers, the service, the SQL.

Counted are the functions and protocol members of `coordinator/` that carry a question. Of `cells`
and `devices` there were 12 each, of `regressions` 9, most of which only forwarded.
"""

from __future__ import annotations

import ast

import pytest

from .tree import modules, parsed, shown

QUESTIONS = {
    "cells": ({"show_cells", "cells", "Cells"}, 8),
    "devices": ({"devices", "ListDevices", "device_views"}, 8),
    "regressions": ({"regressions", "Regressions"}, 5),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_written_in_few_places(question: str) -> None:
    names, most = QUESTIONS[question]
    places = [
        f"{shown(path)}:{node.lineno}"
        for path in modules("coordinator")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names
    ]
    assert 5 <= len(places) <= most, places
