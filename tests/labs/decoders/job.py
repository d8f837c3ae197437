"""A job of the zoo's decoder, typed as anyone would, on a device with runtimes of decoders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.texts import TextSet, read_text_set, write_text_set
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from tests.processes.bench import AgentService, wait_for_device
from tests.processes.conftest import Up

NAME = "decoders"
DOCUMENTS, TOKENS = 8, 250
PATIENCE_S = 1000.0
"""Builds of several libraries, on a busy machine too."""
_BRIEF = ("--launches", "1", "--warm-up", "10ms", "--budget", "200ms")
_REQUEST = ("--scenario", "llm", "--prompt-tokens", "16", "--generate", "4")


@contextmanager
def device(up: Up) -> Iterator[DeviceDescription]:
    """An agent of this coordinator, until the block ends; what its device says it is."""
    agent = AgentService.of(up, "--name", NAME)
    try:
        wait_for_device(up, NAME)
        with up.client() as client:
            (own,) = (one for one in client.devices() if one.description.name == NAME)
        yield own.description
    finally:
        agent.end()


def texts(folder: Path) -> Path:
    """Beginnings of some of the zoo's texts."""
    whole = read_text_set(zoo.decoder().evaluation_path)
    some = list(whole.documents.items())[:DOCUMENTS]
    path = folder / "texts.npz"
    write_text_set(path, TextSet({n: one[:TOKENS] for n, one in some}, whole.tokenizer_sha256))
    return path


def rows(up: Up, folder: Path, *words: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What `bitgauge run` tells of the decoder and `words`: rows by recipe and runtime."""
    baseline = ("--baseline", str(zoo.decoder().path), "--eval", str(texts(folder)))
    typed = ("run", *words, *baseline, *_REQUEST, *_BRIEF, "--on", NAME, "--json")
    done = up.bitgauge(*typed, patience_s=PATIENCE_S)
    assert done.returncode == 0, done.stderr + done.stdout
    found: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return {(row["recipe"], row["runtime"]): row for row in found}


def told(row: dict[str, Any]) -> dict[str, tuple[float | None, str | None]]:
    """Value, and the reason where there is none, of each metric of a row."""
    return {one["key"]: (one.get("value"), one.get("reason")) for one in row["metrics"]}


def number(row: dict[str, Any], key: str) -> float:
    """The value of a metric of a row, which has one."""
    value, reason = told(row)[key]
    assert value is not None, f"{key}: {reason}"
    return value
