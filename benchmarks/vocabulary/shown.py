"""Numbers as people read them: ratios, times, sizes, points, intervals, and reasons for nulls.

Everything here is display only. Stored values keep the units and directions of `metrics`.
A null is printed as a dash and its reason in words, never as a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone

from .enums import Profile, Scenario
from .metrics import METRICS
from .reasons import (
    BASELINE_AT_CHANCE,
    BASELINE_DIFFERS,
    BASELINE_NOISY,
    BASELINE_NONFINITE,
    BASELINE_TIED,
    FLAGS,
    KNOWN_ISSUE,
    NOT_MEASURED,
    REASONS,
    WHICH,
)
from .values.jobs import Workload
from .values.rows import StackChange
from .values.runs import MetricValue

DASH = "-"


def number(value: float, digits: int = 3) -> str:
    """A plain decimal with about `digits` significant digits and no exponent."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    # Rounded first, so that 9.996 takes the decimals of 10.0.
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:.{decimals}f}"


def ratio(value: float, decimals: int = 2) -> str:
    """A ratio with two decimals, with two significant digits when that says too little."""
    return f"{value:.{decimals}f}" if value == 0 or abs(value) >= 0.095 else number(value, 2)


def duration(nanoseconds: float) -> str:
    """A time in the unit that reads best: ns, µs, ms or s."""
    for limit, divisor, unit in ((999.5, 1.0, "ns"), (999.5e3, 1e3, "µs"), (999.5e6, 1e6, "ms")):
        if abs(nanoseconds) < limit:
            return f"{number(nanoseconds / divisor)} {unit}"
    return f"{number(nanoseconds / 1e9)} s"


def size(size_bytes: float) -> str:
    """A number of bytes in binary units."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes:.0f} B"
    for limit, unit in ((1024**2, "KiB"), (1024**3, "MiB")):
        if abs(size_bytes) < 999.5 * limit / 1024:
            return f"{number(size_bytes / limit * 1024)} {unit}"
    return f"{number(size_bytes / 1024**3)} GiB"


def points(value: float, digits: int = 1) -> str:
    """A signed difference in percentage points, without the unit."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text


def percent(value: float) -> str:
    """A share of one hundred, one decimal."""
    return f"{value:.1f} %"


def plain(metric: MetricValue) -> str:
    """The value of a metric in the unit that reads best, or a dash."""
    if metric.value is None:
        return DASH
    return _in_unit(metric.key, metric.value, _decimals(metric.low, metric.high))


def interval(metric: MetricValue) -> str:
    """The 95 % interval of a metric in brackets, or nothing when it has none."""
    if metric.low is None or metric.high is None:
        return ""
    decimals = _decimals(metric.low, metric.high)
    ends = (_in_unit(metric.key, end, decimals) for end in (metric.low, metric.high))
    return f"[{', '.join(ends)}]"


def full(metric: MetricValue) -> str:
    """Value, interval and verdict, or why there is no value."""
    if metric.value is None:
        return reason(metric)
    return " ".join(part for part in (plain(metric), interval(metric), metric.verdict) if part)


def reason(metric: MetricValue) -> str:
    """Why a metric is null, in words, with the figures where it is a matter of figures."""
    code = metric.reason or NOT_MEASURED
    words = REASONS.get(code, code.replace("_", " "))
    said = {item.name: item.value for item in metric.detail}
    if said.get(WHICH):
        return f"{words}: {said[WHICH]}"
    try:
        return f"{words}: {_FIGURES[code](said)}" if code in _FIGURES else words
    except (KeyError, ValueError):  # details that somebody else left out, or made
        return words


JUDGED = ("output", "head", "output_why", "other_outputs")
"""Details that say on which output a number of quality was judged; they are told once."""


def judged_words(metrics: Iterable[MetricValue]) -> str:
    """Which output was judged, as what, and why it; empty where that is not told."""
    said: dict[str, str] = {}
    for metric in metrics:
        said = {item.name: item.value for item in metric.detail if item.name in JUDGED} | said
    if "output" not in said:
        return ""
    words = f"output {said['output']} ({said.get('head', 'values').replace('_', ' ')})"
    if "output_why" in said:
        words += f", because {said['output_why']}"
    return f"{words}; others: {said['other_outputs']}" if "other_outputs" in said else words


def speed_words(metric: MetricValue) -> str:
    """A latency ratio as people say it: `1.90x faster [1.85, 1.95]`.

    The reciprocal turns the interval round: its low end comes from the ratio's high end.
    """
    if metric.value is None or metric.value <= 0:
        return f"latency ratio unknown ({reason(metric)})"
    if metric.verdict == "SAME":
        return f"as fast, ratio {plain(metric)} {interval(metric)}".rstrip()
    faster = metric.value <= 1
    gain, word = _gain(metric.value, faster), "faster" if faster else "slower"
    if metric.low is None or metric.high is None or metric.low <= 0:
        text = f"{ratio(gain)}x {word}"
    else:
        low, high = sorted((_gain(metric.low, faster), _gain(metric.high, faster)))
        decimals = _decimals(low, high)
        text = f"{ratio(gain, decimals)}x {word} [{ratio(low, decimals)}, {ratio(high, decimals)}]"
    return f"{text}, undecided" if metric.verdict == "UNDECIDED" else text


def size_words(metric: MetricValue) -> str:
    """A size ratio as people say it: `3.7x smaller`."""
    if metric.value is None or metric.value <= 0:
        return f"size ratio unknown ({reason(metric)})"
    if round(metric.value, 2) == 1:
        return "as large"
    smaller = metric.value < 1
    return f"{ratio(_gain(metric.value, smaller))}x {'smaller' if smaller else 'larger'}"


def accuracy_words(metric: MetricValue) -> str:
    """An accuracy delta as people say it: `accuracy -0.2 points [-0.8, +0.4]`."""
    if metric.value is None:
        return f"accuracy delta unknown ({reason(metric)})"
    bounds = f" {interval(metric)}" if interval(metric) else ""
    return f"accuracy {points(metric.value)} points{bounds}"


def perplexity_words(metric: MetricValue) -> str:
    """A ratio of perplexities as people say it: `perplexity +0.4 % [+0.1, +0.7]`."""
    if metric.value is None:
        return f"perplexity ratio unknown ({reason(metric)})"
    words = f"perplexity {100 * (metric.value - 1):+.2g} %"
    if metric.low is None or metric.high is None:
        return words
    return f"{words} [{100 * (metric.low - 1):+.2g}, {100 * (metric.high - 1):+.2g}]"


def quality_words(metric: MetricValue) -> str:
    """What was lost of the quality: of a decoder by its perplexity, else by its accuracy."""
    of_text = metric.key == "perplexity_ratio"
    return perplexity_words(metric) if of_text else accuracy_words(metric)


def flag(code: str) -> str:
    """What a flag means, in words."""
    if code.startswith(f"{KNOWN_ISSUE}:"):
        return FLAGS[KNOWN_ISSUE]
    return FLAGS.get(code, code.replace("_", " "))


def unit_of(key: str) -> str:
    """The stored unit of a metric, empty for one that is not in the registry."""
    return METRICS[key].unit if key in METRICS else ""


def counted(count: int, thing: str) -> str:
    """A count with its noun in the right number."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def listed(names: Sequence[str]) -> str:
    """Names joined as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def workload_words(workload: Workload) -> str:
    """A workload as people say it: `batch 64, 2 threads`."""
    if workload.is_llm:
        tokens = f"prompt {workload.prompt_tokens}, {workload.generated_tokens} generated"
        return f"llm, {tokens}, {counted(workload.threads, 'thread')}"
    offline = "offline, " if workload.scenario is Scenario.OFFLINE else ""
    return f"{offline}batch {workload.batch}, {counted(workload.threads, 'thread')}"


def call_words(workload: Workload) -> str:
    """What one call of a workload is, in few words: `batch 64`, `prompt 128 + 32`."""
    if workload.is_llm:
        return f"prompt {workload.prompt_tokens} + {workload.generated_tokens}"
    return f"batch {workload.batch}"


def change_words(change: StackChange) -> str:
    """One input that is another one, with both values: `onnxruntime 1.22 -> 1.23`.

    Of a list of versions, such as a toolchain, those that are the same are left out.
    """
    before, after = (value or "absent" for value in (change.before, change.after))
    if "=" in before and "=" in after:
        old, new = before.split(), after.split()
        before = " ".join(word for word in old if word not in new) or "none"
        after = " ".join(word for word in new if word not in old) or "none"
    return f"{change.name} {before} -> {after}"


def changes_words(changes: Sequence[StackChange], most: int = 4) -> str:
    """What changed since; many changes are cut short and counted."""
    more = f" and {len(changes) - most} more" if len(changes) > most else ""
    return ", ".join(map(change_words, changes[:most])) + more


def moment(unix_ns: int) -> str:
    """A moment as people write it, in UTC."""
    when = datetime.fromtimestamp(unix_ns // 1_000_000_000, timezone.utc)
    return f"{when:%Y-%m-%d %H:%M} UTC"


def profile_words(profile: Profile) -> str:
    """What a profile allows a reader to conclude."""
    if profile is Profile.QUICK:
        return "profile quick (preliminary)"
    return f"profile {profile.value}"


def _decimals(low: float | None, high: float | None) -> int:
    """Decimals of a ratio: a third one when two would print both ends alike."""
    return 3 if low is not None and high is not None and 0 < high - low < 0.01 else 2


def _in_unit(key: str, value: float, decimals: int = 2) -> str:
    unit = unit_of(key)
    if unit == "1":
        return ratio(value, decimals) if key.endswith("_ratio") else f"{value:.0f}"
    if unit in _UNITS:
        return _UNITS[unit](value)
    return f"{number(value)} {unit}".rstrip()


def _of_samples(count: str) -> Callable[[Mapping[str, str]], str]:
    return lambda said: f"{said[count]} of {counted(int(said['samples']), 'sample')}"


def _chance(said: Mapping[str, str]) -> str:
    samples = int(said["samples"])
    if "score_pct" in said:
        scores = (percent(float(said[name])) for name in ("score_pct", "guessed_pct"))
        return "scores {}, its answers to other samples {}".format(*scores)
    right, guessed = (percent(100 * int(said[name]) / samples) for name in ("right", "guessed"))
    return f"right in {right} of {samples} samples, one answer for all of them in {guessed}"


def _noise(said: Mapping[str, str]) -> str:
    change, size = (number(float(said[name])) for name in ("largest_change", "magnitude"))
    return f"the same samples give outputs up to {change} apart, the largest one is {size}"


_FIGURES: dict[str, Callable[[Mapping[str, str]], str]] = {
    BASELINE_NONFINITE: _of_samples("nonfinite"),
    BASELINE_TIED: _of_samples("tied"),
    BASELINE_NOISY: _noise,
    BASELINE_AT_CHANCE: _chance,
    BASELINE_DIFFERS: _of_samples("differing"),
}
"""The figures behind a reason, from the details of the metric."""

_UNITS: dict[str, Callable[[float], str]] = {
    "ns": duration,
    "B": size,
    "pp": points,
    "%": percent,
}


def _gain(value: float, inverted: bool) -> float:
    return 1 / value if inverted else value
