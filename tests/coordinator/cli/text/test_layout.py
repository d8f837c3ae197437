"""Columns and wrapped text: what fits stands below its head, what does not is wrapped, not cut."""

from __future__ import annotations

import subprocess
import sys

import pytest
from bitgauge.coordinator.cli.text.layout import WIDTH, columns, notes, wrapped

NAME = "a4c72ecf-bf9f-4b47-b6c8-d8ffddd65c7a"


def test_cells_stand_below_their_heads_and_numbers_to_the_right() -> None:
    assert columns([("a", "1.0", "x"), ("long", "12.0", "")], ("", "size", "note"), right={1}) == [
        "      size  note",
        "a      1.0  x",
        "long  12.0",
    ]


def test_heads_of_two_lines_are_parted_from_what_is_below() -> None:
    assert columns([("a", "b")], ("\nrecipe", "latency\nratio"), ruled=True, indent="  ") == [
        "          latency",
        "  recipe  ratio",
        "  ---------------",
        "  a       b",
    ]


def test_the_last_cell_of_a_short_line_goes_across() -> None:
    why = "a reason that is longer than all of the columns together, and stays in one place"
    lines = columns([("title across",), ("fp32", "1", "2"), ("int4", why)], right={1, 2})
    assert lines == ["title across", "fp32  1  2", f"int4  {why}"]
    lines = columns([("fp32", "1", "2"), ("int4", f"{why}; {why}")])
    assert [line[:6] for line in lines] == ["fp32  ", "int4  ", "      "]
    assert max(map(len, lines)) <= WIDTH


def test_what_is_too_wide_is_wrapped_in_the_last_column_and_nothing_is_cut() -> None:
    words = [f"word{place}" for place in range(60)]
    lines = columns([(NAME, " ".join(words)), (NAME, "short")])
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).split() == [NAME, *words, NAME, "short"]
    assert columns([(NAME, NAME, NAME, "1")])[0].split() == [NAME, NAME, NAME, "1"]


@pytest.mark.parametrize("name", ["[red]x[/red]", ":smile:", "[bold", "\\[x]", "模型", "digits"])
def test_what_somebody_named_is_printed_as_it_is(name: str) -> None:
    assert columns([(name, "1")]) == [f"{name}  1"]


def test_a_terminal_changes_no_column(monkeypatch: pytest.MonkeyPatch) -> None:
    before = columns([("a", "FASTER 0.5")], ("x", "y"), ruled=True)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("COLUMNS", "20")
    assert columns([("a", "FASTER 0.5")], ("x", "y"), ruled=True) == before
    assert "\x1b" not in "".join(before)


def test_wrapped_lines_hang_and_break_no_name() -> None:
    lines = wrapped("x " * 60 + NAME, "  -> ", hanging="   ")
    assert lines[0].startswith("  -> x")
    assert lines[1].startswith("     x") or lines[1].startswith(f"     {NAME}")
    assert any(NAME in line for line in lines)
    assert max(map(len, lines)) <= WIDTH
    assert notes(["once", "once"]) == ["once"]


def test_only_who_prints_a_table_waits_for_rich() -> None:
    code = (
        "import sys\n"
        "from bitgauge.coordinator.cli.text import cells, choice, devices, explain, history, jobs\n"
        "from bitgauge.coordinator.cli.text import kernels, layout, refresh, rows, runs, trust\n"
        "layout.wrapped('x')\n"
        "assert 'rich.table' not in sys.modules\n"
        "layout.columns([('x', 'y')])\n"
        "assert 'rich.table' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
