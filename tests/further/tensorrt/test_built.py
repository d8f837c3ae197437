"""Engines of TensorRT for RTX, built in earnest and without a card, for the cards that it lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.runtimes import tensorrt_rtx
from bitgauge.agents.runtimes._tensorrt import building
from bitgauge.agents.runtimes._tensorrt.building import BuildWants, Engine
from bitgauge.agents.runtimes._tensorrt.engines import KeptEngine, key_of, packed, unpacked
from bitgauge.agents.runtimes._tensorrt.flavours import RTX, EngineLibrary
from bitgauge.agents.runtimes.base import RuntimeMissing, SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import calibration_path
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("tensorrt_rtx_bindings", reason="NOT RUN: pip install 'bitgauge[tensorrt-rtx]'")

ZOO = calibration_path().parent
BY_MODELOPT = Path(__file__).parents[2] / "coordinator/builders/modelopt/built"
MODELS = ("digits-cnn", "digits-mlp", "digits-transformer")
CAPABILITIES = ("SM120", "SM121", "SM75", "SM80", "SM86", "SM89")
ADA = BuildWants(batch=16, capabilities=("SM89",))


@pytest.fixture(scope="module")
def library() -> EngineLibrary:
    return EngineLibrary(tensorrt_rtx.library(), RTX)


@pytest.fixture(scope="module")
def integers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The zoo in the recipe for TensorRT, as its own sentence of refusal says it."""
    from onnxruntime.quantization import QuantType, quantize_static

    folder = tmp_path_factory.mktemp("integers")
    found = {}
    for model in MODELS:
        found[model] = folder / f"{model}.onnx"
        quantize_static(
            ZOO / f"{model}.onnx",
            found[model],
            Samples(),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
            },
        )
    return found


class Samples:
    """The zoo's calibration set, as the quantizer reads it."""

    def __init__(self) -> None:
        with np.load(calibration_path()) as file:
            self._rows: Iterator[Any] = iter(file["inputs/pixels"][:64])

    def get_next(self) -> dict[str, Any] | None:
        row = next(self._rows, None)
        return None if row is None else {"pixels": row[None]}

    def set_range(self, start_index: int, end_index: int) -> None:
        pass


def made(recipe: str, model: str, folder: Path) -> Path:
    """An artifact of ours."""
    path = folder / f"{model}.onnx"
    request = BuildRequest(parse(recipe), ZOO / f"{model}.onnx", path, calibration_path())
    registry.builder_for(request.recipe, ("onnx",))[1].build(request)
    return path


@pytest.mark.parametrize("kind", ["float", "integers"])
@pytest.mark.parametrize("model", MODELS)
def test_two_builds_are_the_same_but_for_some_bytes_of_convolutions(
    library: EngineLibrary, integers: dict[str, Path], model: str, kind: str
) -> None:
    """Of one in five engines with convolutions up to 6,500 bytes differed; of others none."""
    path = ZOO / f"{model}.onnx" if kind == "float" else integers[model]
    one, other = (building.built(library, path, ADA) for _ in range(2))
    assert len(one.data) == len(other.data) > 200_000
    assert model == "digits-cnn" or one.data == other.data
    assert one.inputs["pixels"].best == (16, 1, 8, 8)


@pytest.mark.parametrize("model", MODELS)
def test_integers_are_another_engine_than_floats(
    library: EngineLibrary, integers: dict[str, Path], model: str
) -> None:
    floats = building.built(library, ZOO / f"{model}.onnx", ADA)
    assert building.built(library, integers[model], ADA).data != floats.data


@pytest.mark.parametrize("recipe", ["fp16", "bf16"])
def test_halves_are_built(library: EngineLibrary, recipe: str, tmp_path: Path) -> None:
    engine = building.built(library, made(recipe, "digits-cnn", tmp_path), ADA)
    assert len(engine.data) > 500_000


def test_eight_bit_floats_are_built(library: EngineLibrary, tmp_path: Path) -> None:
    engine = building.built(library, made("fp8-static-e4m3-pt", "digits-cnn", tmp_path), ADA)
    assert len(engine.data) > 100_000


def test_weights_of_four_bits_in_blocks_are_built(library: EngineLibrary, tmp_path: Path) -> None:
    """As ModelOpt writes them: DequantizeLinear with a block size, before a product of halves."""
    codes = np.arange(64 * 32).reshape(64, 32) % 15 - 7
    packed_codes = helper.make_tensor("w", TensorProto.INT4, (64, 32), codes.ravel().tolist())
    scales = numpy_helper.from_array(np.full((2, 32), 0.1, np.float16), "s")
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["f"], axis=0, block_size=32),
        helper.make_node("MatMul", ["x", "f"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["n", size])
        for name, size in (("x", 64), ("y", 32))
    ]
    graph = helper.make_graph(nodes, "four", ends[:1], ends[1:], [packed_codes, scales])
    path = tmp_path / "four.onnx"
    opsets = [helper.make_opsetid("", 21)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    assert len(building.built(library, path, ADA).data) > 1000


@pytest.mark.parametrize("path", sorted(BY_MODELOPT.glob("*.onnx")), ids=lambda one: one.stem)
def test_what_modelopt_writes_is_built(library: EngineLibrary, path: Path) -> None:
    """The recipes that the sentences of refusal name are among them."""
    assert len(building.built(library, path, ADA).data) > 10_000


def test_what_is_named_as_the_way_is_a_recipe() -> None:
    named = {one.stem.partition("-")[2] for one in BY_MODELOPT.glob("*.onnx")}
    assert {"int8-modelopt_max-cal", "int4-modelopt_rtn"} <= named


def test_the_cards_that_it_lists_are_built_for_and_no_others(library: EngineLibrary) -> None:
    assert building.capabilities(library.trt) == CAPABILITIES
    path = ZOO / "digits-cnn.onnx"
    engines = [
        building.built(library, path, BuildWants(capabilities=(name,))) for name in CAPABILITIES
    ]
    assert len({len(one.data) for one in engines}) > 1
    with pytest.raises(BitgaugeError, match="SM90; it lists SM120, SM121, SM75") as caught:
        building.built(library, path, BuildWants(capabilities=("SM90",)))
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("recipe", "names", "way"),
    [
        ("int8-static-u8s8-pc", r"DequantizeLinear '.*bias", "biases left in float"),
        ("int8-static-s8s8-pc", r"DequantizeLinear '.*bias", "QuantizeBias=False"),
        ("int8-dynamic", "DynamicQuantizeLinear", "Scales have to be fixed"),
    ],
)
def test_what_its_parser_refuses_is_unsupported_by_name(
    *, library: EngineLibrary, model: str, recipe: str, names: str, way: str, tmp_path: Path
) -> None:
    with pytest.raises(BitgaugeError, match=names) as caught:
        building.built(library, made(recipe, model, tmp_path), ADA)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert way in caught.value.sentence
    assert "\n" not in caught.value.sentence


def test_what_a_card_has_no_kernel_for_is_unsupported_by_name(library: EngineLibrary) -> None:
    turing = BuildWants(capabilities=("SM75",))
    with pytest.raises(BitgaugeError, match="FP32 GEMM is not supported") as caught:
        building.built(library, ZOO / "digits-mlp.onnx", turing)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert "layer0/matmul" in caught.value.sentence


@pytest.mark.parametrize("what", ["nothing", "a part", "another kind", "words"])
def test_a_file_that_is_no_model_is_one_sentence(
    library: EngineLibrary, what: str, tmp_path: Path
) -> None:
    whole = (ZOO / "digits-cnn.onnx").read_bytes()
    other = (ZOO / "digits-cnn.tflite").read_bytes()
    files = {"nothing": b"", "a part": whole[:300_000], "another kind": other, "words": b"no model"}
    path = tmp_path / "artifact"
    path.write_bytes(files[what])
    with pytest.raises(BitgaugeError) as caught:
        building.built(library, path, ADA)
    assert caught.value.code is Code.BAD_MODEL
    assert str(tmp_path) not in caught.value.sentence


def test_an_engine_is_no_artifact(library: EngineLibrary, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(building.built(library, ZOO / "digits-mlp.onnx", ADA).data)
    with pytest.raises(BitgaugeError, match="accepted from nobody") as caught:
        building.built(library, path, ADA)
    assert caught.value.code is Code.FOREIGN_ENGINE


def test_a_build_tells_how_far_it_is(library: EngineLibrary) -> None:
    told: list[float] = []
    building.built(library, ZOO / "digits-cnn.onnx", watched(told.append))
    assert len(told) > 20
    assert told == sorted(told)
    assert 0 < told[0] < 0.1
    assert told[-1] <= 1


def test_a_build_can_be_ended(library: EngineLibrary) -> None:
    def enough(share: float) -> None:
        if share > 0.1:
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        building.built(library, ZOO / "digits-transformer.onnx", watched(enough))
    again = building.built(library, ZOO / "digits-transformer.onnx", ADA)
    assert len(again.data) > 500_000


def watched(tells: building.Tells) -> BuildWants:
    return BuildWants(batch=16, capabilities=("SM89",), tells=tells)


def test_what_was_built_comes_back_for_the_same_launch_alone(library: EngineLibrary) -> None:
    path = ZOO / "digits-cnn.onnx"
    engine: Engine = building.built(library, path, ADA)
    key = key_of(path, library.version, (), ADA.options())
    kept = packed(KeptEngine(key.digest, engine.data, engine.timings, engine.seconds))
    found = unpacked(kept, key)
    assert found is not None
    assert found.engine == engine.data
    other = key_of(path, library.version, (), BuildWants(batch=32).options())
    assert unpacked(kept, other) is None


def test_without_a_card_it_is_not_offered_and_executes_nothing(tmp_path: Path) -> None:
    if any(Path("/dev").glob("nvidia*")):
        pytest.skip("an NVIDIA GPU is here")
    with pytest.raises(RuntimeMissing, match="needs an NVIDIA GPU"):
        tensorrt_rtx.probe()
    path = tmp_path / "floor.onnx"
    path.write_bytes(tensorrt_rtx.empty_artifact())
    tensorrt_rtx.prepare()
    with pytest.raises(BitgaugeError, match=r"NVIDIA's driver is not here") as caught:
        tensorrt_rtx.load(path, SessionOptions())
    assert caught.value.code is Code.DRIVER_MISSING


def test_the_floor_and_the_sentinel_are_built(library: EngineLibrary, tmp_path: Path) -> None:
    sentinel = tensorrt_rtx.TRAITS.sentinel
    assert sentinel is not None
    for data in (tensorrt_rtx.empty_artifact(), sentinel()):
        path = tmp_path / "one.onnx"
        path.write_bytes(data)
        assert building.built(library, path, ADA).data
