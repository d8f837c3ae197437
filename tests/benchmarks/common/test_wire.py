"""Every value that crosses the wire survives the journey, and nothing else gets in."""

import dataclasses
from typing import Any

import msgspec
import pytest
from bitgauge.benchmarks.common import wire
from bitgauge.benchmarks.vocabulary import enums as vocabulary
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values import campaigns as campaign_values
from bitgauge.benchmarks.vocabulary.values import cells as cell_values
from bitgauge.benchmarks.vocabulary.values import credentials
from bitgauge.benchmarks.vocabulary.values import devices as device_values
from bitgauge.benchmarks.vocabulary.values import history as history_values
from bitgauge.benchmarks.vocabulary.values import jobs as model
from bitgauge.benchmarks.vocabulary.values import rows as answers
from bitgauge.protos.v1 import agent_pb2, common_pb2, lab_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALUE_CLASSES = sorted(
    (
        item
        for item in (
            vars(model)
            | vars(answers)
            | vars(cell_values)
            | vars(credentials)
            | vars(device_values)
            | vars(campaign_values)
            | vars(history_values)
        ).values()
        if isinstance(item, type) and dataclasses.is_dataclass(item)
    ),
    key=lambda kind: kind.__name__,
)
ENUM_CLASSES = [
    descriptor
    for module in (common_pb2, agent_pb2, lab_pb2)
    for descriptor in module.DESCRIPTOR.enum_types_by_name.values()
    if hasattr(vocabulary, descriptor.name)
]

st.register_type_strategy(int, st.integers(-(2**31), 2**31 - 1))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))


@pytest.mark.parametrize("kind", VALUE_CLASSES, ids=lambda kind: kind.__name__)
def test_fields_of_value_and_message_are_the_same(kind: type) -> None:
    ours = [field.name for field in dataclasses.fields(kind)]
    assert sorted(ours) == sorted(wire.message_class(kind).DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("kind", VALUE_CLASSES, ids=lambda kind: kind.__name__)
def test_round_trip(kind: type) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_type(kind))
    def check(value: Any) -> None:
        message = wire.to_wire(value)
        again = type(message).FromString(message.SerializeToString())
        assert wire.from_wire(kind, again) == value
        assert msgspec.json.decode(msgspec.json.encode(value), type=kind) == value

    check()


@pytest.mark.parametrize("descriptor", ENUM_CLASSES, ids=lambda descriptor: descriptor.name)
def test_enumerations_hold_the_same_words(descriptor: Any) -> None:
    ours = {member.name for member in getattr(vocabulary, descriptor.name)}
    prefix = wire.enum_prefix(descriptor)
    theirs = {name.removeprefix(prefix) for name in descriptor.values_by_name}
    assert theirs == ours | {"UNSPECIFIED"}


def test_unknown_enum_value_is_one_sentence() -> None:
    message = wire.to_wire(model.Workload())
    message.scenario = 99
    with pytest.raises(BadInput, match=r"Workload is not valid: .*scenario"):
        wire.from_wire(model.Workload, message)


def test_unset_enum_is_refused() -> None:
    with pytest.raises(BadInput, match="unspecified"):
        wire.from_wire(model.Workload, common_pb2.Workload(batch=1, threads=1))


def test_items_of_all_lists_are_bounded_before_they_are_looked_at() -> None:
    order = lab_pb2.RefreshOrder()
    for _ in range(wire.MAX_ITEMS // 2):
        order.suite.models.add().dims.add()
    order.only.add()
    with pytest.raises(BadInput, match="goes beyond 20000 items in one request"):
        wire.from_wire(campaign_values.RefreshOrder, order)
    with pytest.raises(BadInput, match="is not valid"):  # all of it was looked at
        wire.from_wire(campaign_values.RefreshOrder, order, None)
