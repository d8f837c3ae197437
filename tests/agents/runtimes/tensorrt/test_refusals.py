"""What the parser and the builder refuse reaches people with operators, a reason and a way on.

The words of errors are those that TensorRT for RTX 1.7.1 gave for the zoo's artifacts.
"""

from __future__ import annotations

import pytest
from bitgauge.agents.runtimes._tensorrt import flavours
from bitgauge.agents.runtimes._tensorrt.building import failed
from bitgauge.agents.runtimes._tensorrt.flavours import RTX, TENSORRT
from bitgauge.agents.runtimes._tensorrt.refusals import ParserError, refusal
from bitgauge.agents.runtimes.base import RuntimeMissing
from bitgauge.benchmarks.vocabulary.errors import Code

INT32 = (
    "Invalid Node - conv0.bias_DequantizeLinear\nITensor::getDimensions: Error Code 4: API Usage"
    " Error (conv0.bias_DequantizeLinear: input has type Int32 but must have type FP8, FP4, Int4,"
    " Int8, or UInt8. In checkType at /_src/optimizer/common/nodeBase.cpp:456)\n"
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In catchCudaError at"
    " /_src/common/dispatch/checkMacros.cpp:250 (cudaError 35: CUDA driver version is insufficient"
    " for CUDA runtime version))"
)
HALVES = "Assertion failed: a->getType() == nvinfer1::DataType::kHALF: input tensor A must be FP16."


def said(*errors: ParserError) -> tuple[Code, str]:
    found = refusal("TensorRT", errors)
    return found.code, found.sentence


def test_biases_in_integers_are_refused_with_the_recipe_that_works() -> None:
    name = "conv0.bias_DequantizeLinear"
    code, sentence = said(ParserError("INVALID_NODE", INT32, name, "DequantizeLinear"))
    assert code is Code.UNSUPPORTED_ARTIFACT
    assert sentence.startswith(
        f"TensorRT does not take DequantizeLinear '{name}': input has type Int32 but must have"
        " type FP8, FP4, Int4, Int8, or UInt8. It takes integers with symmetric scales, weights per"
        " channel, biases left in float"
    )
    assert "QuantizeBias=False" in sentence
    assert "/_src" not in sentence
    assert "cudaError" not in sentence


def test_operators_are_counted_and_named() -> None:
    errors = [ParserError("UNSUPPORTED_NODE", "false", f"conv{n}", "ConvInteger") for n in range(3)]
    dynamic = ParserError("UNSUPPORTED_NODE", "false", "pixels_q", "DynamicQuantizeLinear")
    code, sentence = said(*errors, dynamic)
    assert code is Code.UNSUPPORTED_ARTIFACT
    assert sentence.startswith(
        "TensorRT does not take ConvInteger (3 times) and DynamicQuantizeLinear 'pixels_q'. Scales"
        " have to be fixed"
    )


def test_a_condition_of_its_sources_is_left_out() -> None:
    _, sentence = said(ParserError("UNSUPPORTED_NODE", HALVES, "layer0/q", "MatMulNBits"))
    assert "MatMulNBits 'layer0/q': input tensor A must be FP16. It takes weights" in sentence
    _, plain = said(ParserError("UNSUPPORTED_NODE", "false", "d", "Det"))
    assert plain == "TensorRT does not take Det 'd'."


@pytest.mark.parametrize("errors", [(), (ParserError("MODEL_DESERIALIZE_FAILED", "x"),)])
def test_a_file_that_is_no_model_is_a_bad_one(errors: tuple[ParserError, ...]) -> None:
    assert said(*errors)[0] is Code.BAD_MODEL


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        (["(cudaError 35: CUDA driver version is insufficient)"], Code.DRIVER_TOO_OLD),
        (["(cudaError 100: no CUDA-capable device is detected)"], Code.DEVICE_HIDDEN),
        (["Requested size was 8 bytes: OutOfMemory"], Code.OUT_OF_DEVICE_MEMORY),
        (["Could not find any implementation for node x"], Code.UNSUPPORTED_ARTIFACT),
        ([], Code.UNSUPPORTED_ARTIFACT),
    ],
)
def test_a_build_that_gives_nothing_says_why(heard: list[str], code: Code) -> None:
    found = failed(RTX, heard)
    assert found.code is code
    assert found.sentence.endswith(".")


def test_what_a_card_does_not_compile_is_named() -> None:
    heard = (
        "IBuilder::buildSerializedNetwork: Error Code 1: Myelin ([pass.cpp:337:"
        " check_turing_op_compatibility] Cannot compile operation 'layer0/matmul_U6' for Turing"
        " (SM75): FP32 GEMM is not supported. In compileGraph at /_src/optimizer/myelin/code.cpp:9)"
    )
    assert failed(RTX, [heard]).sentence == (
        "TensorRT for RTX builds no engine of it: Cannot compile operation 'layer0/matmul_U6' for"
        " Turing (SM75): FP32 GEMM is not supported."
    )


@pytest.mark.parametrize("version", ["10.3.0", "10.16.1.11", "11.4.0.106"])
def test_both_majors_are_served(version: str) -> None:
    assert flavours.served(TENSORRT, {"tensorrt": version}) == version


@pytest.mark.parametrize("version", ["8.6.1", "9.3.0", "12.0.0", "x"])
def test_another_major_is_not_supported(version: str) -> None:
    with pytest.raises(RuntimeMissing, match=r"^TensorRT major not supported: .*10 and 11 are"):
        flavours.served(TENSORRT, {"tensorrt": version})
    with pytest.raises(RuntimeMissing, match="not installed"):
        flavours.served(RTX, {"tensorrt": "11.0"})
