"""A gates file: what is meant arrives, and whatever cannot be meant is one sentence."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.gates.file import _UseCase, chosen, parse_gates, shipped
from bitgauge.benchmarks.gates.limits import LIMITS
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.gates import GateRule

HEAD = '[[use_case]]\nname = "a"\n'


def wrong(text: str) -> str:
    with pytest.raises(BadInput) as found:
        parse_gates(text, "gates.toml")
    return found.value.sentence


def test_units_arrive_in_those_of_the_metrics() -> None:
    text = (
        HEAD + 'max_latency_p99 = "20 ms"\nmax_size = "2 MiB"\nmax_energy = "0.5 J"\n'
        "max_accuracy_loss_pp = 0\n"
    )
    [found] = parse_gates(text, "gates.toml")
    assert set(found.rules) == {
        GateRule("max_accuracy_loss_pp", 0.0),
        GateRule("max_latency_p99", 20e6),
        GateRule("max_size", float(2 << 20)),
        GateRule("max_energy", 500.0),
    }
    assert found.file == "gates.toml"


def test_every_key_of_a_limit_is_one_that_a_file_may_set() -> None:
    keys = {one for one in _UseCase.__struct_fields__ if one.startswith(("max_", "min_"))}
    assert keys == LIMITS.keys()
    assert {one.metric for one in LIMITS.values()} <= METRICS.keys()
    for one in LIMITS.values():
        assert one.key.startswith("min_") is one.at_least, one.key


def test_the_shipped_file_is_one() -> None:
    names = [one.name for one in parse_gates(shipped(), "gates.toml")]
    assert names == ["default", "strict", "decoder"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: there is no [[use_case]]"),
        (HEAD, "line 1: use_case[1]: 'a' sets no limit"),
        (
            HEAD + "max_latency_p98 = 3\n",
            "line 3: use_case[1].max_latency_p98: is no key here; did you mean max_latency_p99?",
        ),
        (HEAD + "max_latency_p99 = 20\n", '20 has no unit; write "20 ms"'),
        (HEAD + "max_size = 1\n", 'has no unit; write "2 MiB"'),
        (HEAD + 'max_latency_p99 = "2 MiB"\n', "'2 MiB' is not a time with its unit"),
        (HEAD + 'max_energy = "2 MJ"\n', "is in megajoules"),
        (HEAD + 'max_energy = "0 J"\n', "is not an energy above 0"),
        (HEAD + "max_accuracy_loss_pp = -1\n", "-1 is not a number of 0 to 100"),
        (HEAD + 'max_nonfinite = "none"\n', "'none' is not a whole number"),
        (
            HEAD + 'max_latency_p50 = "3 ms"\nmax_latency_p99 = "2 ms"\n',
            "line 4: use_case[1].max_latency_p99: contradicts max_latency_p50",
        ),
        (
            HEAD + "max_perplexity_increase_pct = 1\nmax_accuracy_loss_pp = 1\n",
            "max_accuracy_loss_pp: contradicts max_perplexity_increase_pct",
        ),
        (HEAD + "max_saturated_pct = 1\n", 'contradicts saturating = "failed"'),
        (
            HEAD + 'max_size_ratio = 1\nreview = ["cliping"]\n',
            "'cliping' is no flag; did you mean clipping?",
        ),
        (HEAD + "max_size_ratio = 1\n" + HEAD + "max_size_ratio = 1\n", "two use cases named 'a'"),
        (HEAD + 'first = "failed"\nmax_size_ratio = 1\n', "'failed' is not known"),
        (HEAD + 'critical_classes = {"cat" = 1}\n', "'cat' is no number of a class"),
        (HEAD + 'critical_classes = {"3" = -1}\n', "is not a table of losses in points"),
        ("use_case = 3", "use_case: 3 is not a list of tables, each written [[use_case]]"),
        ("[[use_case]\n", "line 1: not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(text: str, said: str) -> None:
    sentence = wrong(text)
    assert said in sentence
    assert sentence.startswith("Gates gates.toml, line ")
    assert "\n" not in sentence


def test_a_use_case_is_named_unless_there_is_one() -> None:
    one = parse_gates(HEAD + "max_size_ratio = 1\n", "g")
    assert chosen(one, None, "g").name == "a"
    with pytest.raises(BadInput, match="did you mean a"):
        chosen(one, "A", "g")
    with pytest.raises(BadInput, match="holds 3 use cases; name one with --use-case: default"):
        chosen(parse_gates(shipped(), "g"), None, "g")
