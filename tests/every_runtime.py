"""The table of the README: one machine, every runtime and format of the zoo, with intervals.

``python -m tests.every_runtime [-o FILE]`` starts a coordinator and an agent of its own, measures
the models of the zoo with ONNX Runtime, LiteRT and PyTorch against one baseline each, and prints
Markdown. It wants a machine that nobody else uses; what is to be built is built before the clock
runs. Builder environments are those of ``$BITGAUGE_ENVIRONMENTS``, else made below ``.cache``.

A row that has no number says why below the table; flags stand there, too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary import shown
from bitgauge.benchmarks.vocabulary.reasons import FLAGS
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.text.devices import device_line
from bitgauge.coordinator.environments.shelf import ENVIRONMENTS_VARIABLE

from tests.processes.bench import AgentService
from tests.processes.conftest import BITGAUGE, Up, environment

CACHE = Path(__file__).parents[1] / ".cache/bitgauge/environments"
RECIPES = "all,all@litert,fp32@torch,int8-static-u8s8-pc@torch"
"""Each process of PyTorch takes seconds to begin; of its formats those that others have, too."""
BRIEF = ("--profile", "quick", "--launches", "2", "--budget", "1s")
HEADS = ("runtime", "recipe", "latency ratio [95 %]", "p50", "size", "accuracy, points [95 %]")
NAME = "bench"


class Answer(msgspec.Struct):
    """What of `bitgauge run --json` is shown here."""

    rows: tuple[TableRow, ...]


def run(up: Up, model: zoo.ZooModel, recipes: str, more: Sequence[str]) -> tuple[TableRow, ...]:
    """Measures one model in every form."""
    sources = (f"--source={model.form(kind)}" for kind in ("tflite", "pt2"))
    words = [
        *("run", f"--baseline={model.path}", *sources, f"--recipes={recipes}"),
        *(f"--eval={zoo.evaluation_path()}", f"--calibration={zoo.calibration_path()}"),
        *("--name", model.name, "--on", NAME, "--deadline", "7200", "--json", *more),
    ]
    done = subprocess.run(
        [BITGAUGE, *words, "--coordinator", up.address],
        env=environment(up.home),
        stdout=subprocess.PIPE,
        check=False,
    )
    if not done.stdout:
        raise SystemExit(f"{model.name} was not measured")
    return msgspec.json.decode(done.stdout, type=Answer).rows


def markdown(measured: Mapping[str, Sequence[TableRow]]) -> str:
    """One table with a part for each model, and what is to be known of its rows."""
    lines = ["| model | " + " | ".join(HEADS) + " |", "| --- " * (len(HEADS) + 1) + "|"]
    notes: dict[str, list[str]] = {}
    every = []
    for model, rows in measured.items():
        for row in sorted(rows, key=lambda one: (bool(one.reference), one.runtime)):
            cells, name = _cells(row), f"{model} {row.recipe} on {row.runtime}"
            every.append(name)
            lines.append(f"| {model} | " + " | ".join((row.runtime, row.recipe, *cells)) + " |")
            for note in filter(None, (row.reason, *(FLAGS.get(one, one) for one in row.flags))):
                notes.setdefault(note, []).append(name)
    told = [f"- {note}: {_where(where, every)}" for note, where in notes.items()]
    return "\n".join([*lines, "", *told])


def _where(rows: Sequence[str], every: Sequence[str]) -> str:
    """Rows by name, or those that are left out where these are fewer."""
    others = [one for one in every if one not in rows]
    if not others:
        return "every row"
    return f"every row but {', '.join(others)}" if len(others) < len(rows) else ", ".join(rows)


def _cells(row: TableRow) -> tuple[str, ...]:
    if not row.state.has_numbers:
        return (row.state.value, "", "", "")
    latency, delta = row.metric("latency_ratio"), row.metric("accuracy_delta_pp")
    first = row.is_baseline
    return (
        "baseline" if first else f"{_with_interval(latency)} {latency.verdict or ''}".rstrip(),
        shown.plain(row.metric("latency_p50_ns")),
        shown.plain(row.metric("size_bytes" if first else "size_ratio")),
        shown.plain(row.metric("accuracy_pct")) if first else _with_interval(delta),
    )


def _with_interval(metric: MetricValue) -> str:
    if metric.value is None:
        return f"null ({metric.reason})"
    return f"{shown.plain(metric)} {shown.interval(metric)}".rstrip()


@contextlib.contextmanager
def lab() -> Iterator[Up]:
    """A coordinator with an agent that has registered."""
    shelf = {ENVIRONMENTS_VARIABLE: os.environ.get(ENVIRONMENTS_VARIABLE) or str(CACHE)}
    with tempfile.TemporaryDirectory(prefix="bitgauge-table-") as folder:
        up = Up.start(Path(folder), variables=shelf)
        agent = AgentService.of(up, "--name", NAME)
        try:
            _registered(up)
            yield up
        finally:
            agent.end()
            up.stop()


def _registered(up: Up) -> None:
    """Until the agent has asked all kernels what they do, and says that it is there."""
    with up.client() as client:
        while not any(view.description.name == NAME for view in client.devices()):
            time.sleep(0.5)


def _machine(up: Up) -> str:
    """What it is, with the version of every runtime."""
    with up.client() as client:
        (view,) = client.devices()
    lines = [device_line(view, one) for one in ("onnxruntime", "litert", "torch")]
    others = [line.rpartition(", ")[2] for line in lines[1:]]
    return ", ".join((lines[0].removeprefix("device: "), *others))


def main(words: Sequence[str]) -> int:
    """Measures, and prints the table."""
    models = {one.name: one for one in zoo.models()}
    parser = argparse.ArgumentParser(prog="python -m tests.every_runtime", description=__doc__)
    parser.add_argument("--model", action="append", choices=models, help="instead of all three")
    parser.add_argument("--recipes", default=RECIPES, help="as for `bitgauge run`")
    parser.add_argument("-o", "--output", type=Path, help="a file instead of the terminal")
    parser.add_argument("more", nargs="*", help="further options of `bitgauge run`, after --")
    given = parser.parse_args(words)
    began, measured = time.monotonic(), {}
    with lab() as up:
        machine = _machine(up)
        for name in given.model or models:
            measured[name] = run(up, models[name], given.recipes, given.more or BRIEF)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    text = f"{machine}\n\n{markdown(measured)}\n"
    if given.output:
        given.output.write_text(text, "utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
