"""The lease and outbox protocol in a deterministic world of faults.

Production's own agent, outbox, spool, executor, lease keeper, coordinator, dispatcher and store
run on virtual time; only machine, network and children are simulated.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .mutants import MUTANTS, Mutant
from .simulate import simulate
from .world import Weather

SOAK = Path(__file__).with_name("soak.py")
SEEDS = 500
"""Of a quick look; `make long-protocol` plays ten times as many, `make soak` a million."""
MOST_SEEDS_OF_A_MUTANT = 400
FAIR = Weather(ends_s=40.0, thread=0.0, power=0.5, orphan=0.5, bad_child=0.0, graceful=0.0)


def played(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SOAK), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ},
    )


def test_no_seed_breaks_a_promise() -> None:
    done = played("--seeds", str(SEEDS))
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert f"{SEEDS} seeds" in done.stdout
    assert "; 0 seeds broke a promise" in done.stdout


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_missing_protection_is_noticed(mutant: Mutant) -> None:
    with mutant.patch():
        for seed in range(mutant.since, mutant.since + MOST_SEEDS_OF_A_MUTANT):
            outcome = simulate(seed, mutant.made, mutant.weather)
            if any(mutant.caught_by in one for one in outcome.violations):
                return
    pytest.fail(f"{MOST_SEEDS_OF_A_MUTANT} seeds did not notice")


def test_the_weather_of_the_mutants_breaks_nothing_by_itself() -> None:
    for weather in {mutant.name: mutant.weather for mutant in MUTANTS}.values():
        for seed in range(8):
            outcome = simulate(seed, weather=weather)
            assert not outcome.violations, outcome.story


def test_a_crash_at_every_step() -> None:
    """One process dies at step 1, 2, ... of an otherwise fair day; on both sides."""
    seed = 8  # a machine with two devices
    fair = simulate(seed, weather=FAIR)
    assert not fair.violations, fair.story
    died = set()
    for number in range(1, fair.steps + 1):
        outcome = simulate(seed, weather=FAIR, crash_at=number)
        assert not outcome.violations, outcome.story
        died |= {line.split()[1] for line in outcome.story.splitlines() if " CRASH " in line}
    assert died >= {"coordinator", "device-0"}


def test_a_seed_is_played_again_alike() -> None:
    first, second = (played("--replay", "11", PYTHONHASHSEED=salt) for salt in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) > 20
    assert first.stdout == second.stdout
