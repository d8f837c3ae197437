"""Session options: what may be given, what row it is, and what kernels do under it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.origin import RawOrigin, origin_meta, raw_origin
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.rows import Candidate, newest_rows
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.session_options import (
    EXACT_MODE,
    PRECISION,
    modes_under,
    parse_session_options,
    require_session_options,
    session_options_problem,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Entry, Overrides, Workload
from bitgauge.coordinator.cli.text.rows import table_text
from bitgauge.coordinator.store.jobs.job_end import exact_spec

from tests.benchmarks.selection.test_select import QUERY, row
from tests.labs.coordinator import BASELINE, SPEC

EXACT = Overrides(session_options=(EXACT_MODE,))


def test_options_are_typed_as_pairs() -> None:
    assert parse_session_options([" b = 2", "a=1", "b=2"]) == (
        StackItem("a", "1"),
        StackItem("b", "2"),
    )
    assert parse_session_options([]) == ()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["x64"], "'x64' is not NAME=VALUE, such as session.x64quantprecision=1"),
        (["=1"], "is not NAME=VALUE"),
        (["a=1", "a=2"], "gives a two values"),
    ],
)
def test_what_is_no_pair_is_refused(typed: list[str], words: str) -> None:
    with pytest.raises(BitgaugeError, match=words) as caught:
        parse_session_options(typed)
    assert caught.value.code is Code.BAD_ARGUMENT


@pytest.mark.parametrize(
    ("options", "runtime", "words"),
    [
        ([StackItem("session.intra_op", "1")], "onnxruntime", "is not one that can be measured"),
        ([StackItem(PRECISION, "0")], "onnxruntime", "is '0' and not 1"),
        ([EXACT_MODE], "litert", "is one of onnxruntime, not of litert"),
        ([EXACT_MODE, EXACT_MODE], "onnxruntime", "or one is there twice"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: list[StackItem], runtime: str, words: str
) -> None:
    assert words in (session_options_problem(options, runtime) or "")
    with pytest.raises(BitgaugeError, match="This cannot be measured"):
        require_session_options(options, runtime)


def test_an_option_belongs_to_the_raw_file() -> None:
    origin = RawOrigin(
        PassName.NUMERICS,
        0,
        RawRole.BOTH,
        ("a" * 64, "b" * 64),
        "int8-static-u8s8-pc",
        "onnxruntime",
        Workload(),
        Profile.QUICK,
        EXACT,
    )
    for overrides in (EXACT, replace(EXACT, launches=2), NO_OVERRIDES):
        stated = replace(origin, overrides=overrides)
        assert raw_origin(RawFile(origin_meta(stated), {})) == stated


def test_an_option_is_a_row_of_its_own() -> None:
    plain = row("int8-static-u8s8-pc", flags=("saturating",), kernel_mode="sat16")
    exact = row("int8-static-u8s8-pc", overrides=EXACT, kernel_mode="exact")
    candidates = [Candidate(one, at, True, str(at)) for at, one in enumerate((exact, plain))]
    rows = newest_rows(candidates)
    assert rows == (plain, exact)
    printed = table_text(rows)
    assert "kernels sat16: int8-static-u8s8-pc" in printed
    assert "overridden: session.x64quantprecision=1" in printed
    assert "kernels exact: int8-static-u8s8-pc" in printed


def test_a_cell_does_not_pool_the_two() -> None:
    plain = row("int8-static-u8s8-pc", flags=("saturating",), kernel_mode="sat16")
    exact = row("int8-static-u8s8-pc", overrides=EXACT, kernel_mode="exact")
    fp32 = row("fp32")
    found = cells([plain, exact, fp32, replace(fp32, overrides=EXACT)])
    assert [[part.recipes for part in one.recipes] for one in found] == [
        [("fp32",)],
        [
            ("int8-static-u8s8-pc",),
            ("int8-static-u8s8-pc with session.x64quantprecision=1",),
        ],
    ]


def test_what_saturates_is_not_chosen_and_its_exact_mode_is() -> None:
    saturating = row("int8-static-u8s8-pc", latency=(0.6, 0.58, 0.62), flags=("saturating",))
    exact = row("int8-static-u8s8-pc", latency=(0.76, 0.75, 0.77), overrides=EXACT)
    fp32 = row("fp32")
    both = [fp32, saturating, replace(fp32, overrides=EXACT), exact]
    chosen = select(QUERY, both)
    name = "int8-static-u8s8-pc with session.x64quantprecision=1"
    assert (chosen.outcome, chosen.recipe) == ("format", name)
    assert f"Ship {name} for cnn" in chosen.sentence
    assert [one.recipe for one in chosen.candidates] == ["fp32", "int8-static-u8s8-pc", name]
    assert [one.eligible for one in chosen.candidates] == [True, False, True]


def test_a_command_names_the_recipe_alone() -> None:
    vague = row("int8-static-u8s8-pc", accuracy=(-0.5, -3.0, 2.0), overrides=EXACT)
    chosen = select(QUERY, [row("fp32"), vague])
    assert chosen.outcome == "undecided"
    assert "--recipes int8-static-u8s8-pc --model-class" in (chosen.next_command or "")


def test_modes_are_those_under_the_option() -> None:
    probed = {
        "QLinearConv.u8s8.const": "sat16",
        "QLinearConv.u8s8.const+x64quantprecision": "exact",
        "QLinearConv.u8s8.dynamic": "sat16",
        "QLinearConv.u8u8.const": "exact",
    }
    plain = {name: mode for name, mode in probed.items() if "+" not in name}
    assert modes_under(probed, ()) == plain
    assert modes_under(probed, (EXACT_MODE,)) == {**plain, "QLinearConv.u8s8.const": "exact"}


def test_the_exact_job_holds_what_saturates_and_nothing_else() -> None:
    entries = tuple(Entry(name, BASELINE) for name in ("fp32", "int8-dynamic", "fp16"))
    spec = replace(SPEC, entries=entries)
    made = exact_spec(spec, (1,), "device")
    assert made is not None
    assert made.entries == entries[:2]
    assert made.overrides == replace(spec.overrides, session_options=(EXACT_MODE,))
    assert (made.selector.device, made.idempotency_key) == ("device", "")
    assert exact_spec(made, (1,), "device") is None, "it is exact already"
    assert exact_spec(spec, (0,), "device") is None, "a baseline has nothing to saturate"
    assert exact_spec(replace(spec, runtime="litert"), (1,), "device") is None
