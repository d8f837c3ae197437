"""Session options: what may be given, what row it is, and what kernels do under it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.ort import EXACT_MODE, PRECISION
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.origin import origin_meta, raw_origin
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.rows import SettledRow, newest_rows
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.session_options import (
    exact_words,
    modes_under,
    of_reference,
    option_problem,
    options_for,
    order_problem,
    parse_session_options,
    provider_of,
    session_words,
)
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Entry, JobSpec, Overrides
from bitgauge.coordinator.cli.text.rows import table_text
from bitgauge.coordinator.decisions import again
from bitgauge.coordinator.decisions.scheduler import matches
from bitgauge.coordinator.decisions.submission import (
    completed,
    require_named_runtimes,
    require_options,
)

from tests.benchmarks.selection.test_select import QUERY
from tests.labs.coordinator import BASELINE, DEVICE, SPEC
from tests.labs.rooms.choices import row
from tests.labs.values import facts, origin

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
        (["x64"], "'x64' is not \\[RUNTIME:\\]NAME=VALUE"),
        (["=1"], "is not \\[RUNTIME:\\]NAME=VALUE"),
        (["a=1", "a=2"], "gives a two values"),
    ],
)
def test_what_is_no_pair_is_refused(typed: list[str], words: str) -> None:
    with pytest.raises(BitgaugeError, match=words) as caught:
        parse_session_options(typed)
    assert caught.value.code is Code.BAD_ARGUMENT


ORT = RuntimeDescription(
    "onnxruntime", "1", options=ort.TRAITS.options, exact_options=ort.TRAITS.exact_options
)
OTHER = RuntimeDescription("litert", "2")


@pytest.mark.parametrize(
    ("option", "runtime", "words"),
    [
        (StackItem("session.intra_op", "1"), ORT, "is none of onnxruntime's: session.x64quant"),
        (StackItem(PRECISION, "0"), ORT, "is '0' and not 1"),
        (EXACT_MODE, OTHER, "litert takes no session options, and so not "),
    ],
)
def test_what_a_runtime_does_not_have_is_refused(
    option: StackItem, runtime: RuntimeDescription, words: str
) -> None:
    assert words in (option_problem([option], runtime) or "")
    assert option_problem([EXACT_MODE], ORT) is None
    spec = replace(SPEC, runtime=runtime.name, overrides=Overrides(session_options=(option,)))
    here = replace(DEVICE, runtimes=(runtime,))
    with pytest.raises(
        BitgaugeError,
        match=f"can not be taken: .*{re.escape(words.split(': ', maxsplit=1)[0].strip())}",
    ) as caught:
        require_options(spec, [here])
    assert caught.value.code is Code.BAD_ARGUMENT
    assert any("does not take it: " in why and words in why for why in matches(spec, here))
    require_options(spec, [])  # nothing is known of it yet
    known = replace(runtime, options=(RuntimeOption(option.name, (option.value,)),))
    require_options(spec, [here, replace(DEVICE, runtimes=(known,))])  # one device takes it


def test_an_option_may_be_for_one_runtime_alone() -> None:
    given = parse_session_options(["litert:kernels=builtin", "spin=0", "litert:spin=1"])
    assert options_for(given, "litert") == (StackItem("kernels", "builtin"), StackItem("spin", "1"))
    assert options_for(given, "torch") == (StackItem("spin", "0"),)
    lite = replace(OTHER, options=(RuntimeOption("kernels", ("builtin",)),))
    here = replace(DEVICE, runtimes=(ORT, lite))

    def job(*options: str) -> JobSpec:
        entries = (*SPEC.entries, Entry("fp16", runtime="litert"))
        overrides = Overrides(session_options=parse_session_options(options))
        return replace(SPEC, entries=entries, overrides=overrides)

    require_options(job("litert:kernels=builtin"), [here])
    require_named_runtimes(job("litert:kernels=builtin"))
    assert not any("does not take" in why for why in matches(job("litert:kernels=builtin"), here))
    for options, words in (
        (["kernels=builtin"], "option kernels is none of onnxruntime's.*onnxruntime:NAME=VALUE"),
        (["litert:kernels=fast"], "option kernels is 'fast' and not builtin"),
        (["litert:spin=0"], "option spin is none of litert's: kernels"),
    ):
        with pytest.raises(BitgaugeError, match=words):
            require_options(job(*options), [here])
    with pytest.raises(BitgaugeError, match="torch:spin is for torch, which executes nothing"):
        require_named_runtimes(job("torch:spin=0"))


def test_options_have_one_order() -> None:
    assert order_problem([EXACT_MODE]) is None
    assert "or one is there twice" in (order_problem([EXACT_MODE, EXACT_MODE]) or "")
    twice = replace(SPEC, overrides=Overrides(session_options=(EXACT_MODE, EXACT_MODE)))
    with pytest.raises(BitgaugeError, match="one is there twice"):
        completed(twice)


def test_exact_mode_is_told_with_its_price() -> None:
    assert exact_words(ORT) == "session.x64quantprecision=1: exact, about 1.2 times slower"
    assert exact_words(OTHER) == ""
    assert exact_words(None) == ""


def test_an_option_belongs_to_the_raw_file() -> None:
    place = origin(PassName.NUMERICS, RawRole.BOTH, overrides=EXACT)
    for overrides in (EXACT, replace(EXACT, launches=2), NO_OVERRIDES):
        stated = replace(place, overrides=overrides)
        assert raw_origin(RawFile(origin_meta(stated), {})) == stated


def test_an_option_is_a_row_of_its_own() -> None:
    plain = row("int8-static-u8s8-pc", flags=("saturating",), kernel_mode="sat16")
    exact = row("int8-static-u8s8-pc", overrides=EXACT, kernel_mode="exact")
    candidates = [SettledRow(one, at, True, str(at)) for at, one in enumerate((exact, plain))]
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
        [("int8-static-u8s8-pc",), ("int8-static-u8s8-pc with session.x64quantprecision=1",)],
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


def test_what_places_the_candidate_is_no_option_of_the_reference() -> None:
    """Nor does what was probed of the processor say anything of where it is placed."""
    given = parse_session_options(
        ["onnxruntime:provider=qnn", "onnxruntime:provider.precision=fp16", "spin=0", "providers=1"]
    )
    own = options_for(given, "onnxruntime")
    assert provider_of(own) == "qnn"
    assert session_words(of_reference(own)) == "providers=1, spin=0"
    assert provider_of(of_reference(own)) == ""
    probed = (StackItem("QLinearConv.u8s8.const", "sat16"),)
    told = facts(
        runtime="onnxruntime", kernel_modes=probed, overrides=Overrides(session_options=given)
    )
    assert told.modes == {}
    assert replace(told, is_baseline=True).modes == {"QLinearConv.u8s8.const": "sat16"}


def test_the_exact_job_holds_what_saturates_and_nothing_else() -> None:
    entries = tuple(Entry(name, BASELINE) for name in ("fp32", "int8-dynamic", "fp16"))
    spec = replace(SPEC, entries=entries)
    exact = (EXACT_MODE,)

    def asked(of: JobSpec, index: int, options: tuple[StackItem, ...]) -> JobSpec | None:
        job = again.exact("job", of, [(index, "device")], {"device": options})
        return job.spec if job else None

    made = asked(spec, 1, exact)
    assert made is not None
    assert made.entries == entries[:2]
    assert made.overrides == replace(spec.overrides, session_options=exact)
    assert (made.selector.device, made.idempotency_key) == ("device", "")
    assert asked(made, 1, exact) is None, "it is exact already"
    assert asked(spec, 0, exact) is None, "a baseline has nothing to saturate"
    assert asked(spec, 1, ()) is None, "its runtime has no such mode"
