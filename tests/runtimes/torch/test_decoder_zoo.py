"""The zoo's decoder is what its script makes of the text, and as good as its record says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.texts import read_text_set

from tests.labs.zoo.decoder import as_gguf, forms, train
from tests.labs.zoo.decoder.learn import Plan
from tests.labs.zoo.decoder.size import Size

DECODER = zoo.decoder()
SMALL = Size(layers=1, width=64, heads=2, key_value_heads=1, feed_forward=64, context=64)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_trainings_make_the_same_files_and_another_length_does_not(tmp_path: Path) -> None:
    for name, steps in (("one", 2), ("two", 2), ("longer", 3)):
        train.main(tmp_path / name, SMALL, Plan(steps=steps, batch=2, warm_up_steps=1))
    one, two, longer = (contents(tmp_path / name) for name in ("one", "two", "longer"))
    assert one == two
    assert {name for name in one if one[name] != longer[name]} == {
        "tiny-llama.gguf",
        "tiny-llama.json",
    }
    committed = zoo.evaluation_path().parent
    for name in one.keys() - {"tiny-llama.gguf", "tiny-llama.json"}:
        assert one[name] == (committed / name).read_bytes()


def test_torch_gives_the_perplexity_of_the_record() -> None:
    documents = read_text_set(DECODER.evaluation_path).documents
    found = train.perplexity(train.of_file(DECODER.path), documents)
    assert found == pytest.approx(DECODER.known_perplexity, rel=1e-3)


def test_other_forms_hold_the_same_numbers_and_come_out_the_same_twice(tmp_path: Path) -> None:
    load_file = pytest.importorskip("safetensors.numpy").load_file
    forms.main(tmp_path / "one")
    forms.main(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    weights, size = as_gguf.read(DECODER.path)
    wide, again = as_gguf.read(tmp_path / "one/tiny-llama-f32.gguf")
    folder = load_file(tmp_path / "one/hugging-face/model.safetensors")
    assert again == size
    assert folder.keys() == wide.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(wide[name], value)
        np.testing.assert_array_equal(folder[name], value)
