"""How far a build is, how it is ended, and how two builds are held against one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes._tensorrt.layers import layers_of
from bitgauge.agents.runtimes._tensorrt.progress import BuildProgress
from bitgauge.agents.runtimes._tensorrt.twins import SAME_BYTES, Trial, require_sane, spread
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

LAYERS = layers_of((Path(__file__).parent / "constructed/layers.json").read_text())
ONE = Trial(b"one", LAYERS, [np.ones((1, 4), np.float32)], 100.0)


def test_a_phase_takes_the_place_of_one_step_of_the_one_around_it() -> None:
    shares: list[float] = []
    progress = BuildProgress(shares.append)
    progress.start("whole", "", 4)
    assert progress.step("whole", 0)
    progress.start("part", "whole", 2)
    assert progress.step("part", 0)
    progress.start("inner", "part", 5)
    assert progress.step("inner", 4)
    progress.finish("inner")
    assert progress.step("part", 1)
    progress.finish("part")
    assert progress.step("whole", 3)
    assert shares == pytest.approx([0.25, 0.375, 0.5, 0.5, 1.0])
    assert progress.step("never begun", 7)
    assert shares[-1] == 1.0


def test_what_hears_of_it_can_end_it_and_is_not_asked_again() -> None:
    calls = []

    def tells(share: float) -> None:
        calls.append(share)
        raise SystemExit(1)

    progress = BuildProgress(tells)
    progress.start("whole", "", 4)
    assert not progress.step("whole", 0)
    assert not progress.step("whole", 1)
    assert isinstance(progress.raised, SystemExit)
    assert calls == [0.25]


def test_two_builds_of_the_same_bytes_are_one() -> None:
    assert spread(ONE, replace(ONE, median_ns=200.0)) == SAME_BYTES


def test_what_differs_between_two_builds_is_named() -> None:
    other_kernel = (replace(LAYERS[0], tactic="another"), *LAYERS[1:])
    off = [ONE.answers[0] + np.float32(0.5)]
    other = Trial(b"other", other_kernel, off, 104.0)
    assert spread(ONE, other) == (
        "engine builds differ: 1 of 4 layers in other kernels, answers up to 0.5 apart, 4.0 % apart"
        " in time"
    )
    assert "the same answers" in spread(ONE, replace(ONE, engine=b"other"))
    broken = [np.full((1, 4), np.nan, np.float32)]
    assert "up to inf apart" in spread(ONE, replace(other, answers=broken))


def held(answer: np.ndarray, **wanted: np.ndarray) -> None:
    require_sane("TensorRT", ["logits"], [answer], wanted)


def test_the_canary_refuses_what_is_no_number_or_far_off() -> None:
    right = np.linspace(-1, 1, 8, dtype=np.float32)
    held(right, logits=right)
    held(right * 1.02, logits=right)
    held(right)
    for wrong in (right * np.float32(np.nan), right + np.float32(np.inf)):
        for wanted in ({"logits": right}, {}):
            with pytest.raises(BitgaugeError, match="NaN or infinity in 'logits'") as caught:
                held(wrong, **wanted)
            assert caught.value.code is Code.RUN_FAILED
    with pytest.raises(BitgaugeError, match="is off by 200% in 'logits'"):
        held(-right, logits=right)


def test_what_the_reference_answers_with_nan_too_is_no_fault() -> None:
    nan = np.array([1.0, np.nan], np.float32)
    held(nan, logits=nan)
    require_sane("TensorRT", ["codes"], [np.zeros(2, np.int8)], {})
