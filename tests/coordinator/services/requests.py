"""Requests made from the contract alone: every message, with what a request cannot be without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bitgauge.coordinator.services.fields.rules import Form
from bitgauge.coordinator.services.fields.walk import text_rule
from bitgauge.protos.v1 import agent_pb2, blobs_pb2, lab_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

MODULES = (agent_pb2, blobs_pb2, lab_pb2)
UUID = "00000000-0000-4000-8000-000000000001"
_WORDS = {Form.UUID: UUID, Form.SHA256: "0" * 64}


class Rpc(NamedTuple):
    service: str
    name: str
    request: Any
    response: Any
    client_streams: bool
    server_streams: bool

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"


def every_rpc() -> Iterator[Rpc]:
    for module in MODULES:
        for service in module.DESCRIPTOR.services_by_name.values():
            for one in service.methods:
                streams = (one.client_streaming, one.server_streaming)
                yield Rpc(service.full_name, one.name, one.input_type, one.output_type, *streams)


def least(descriptor: Any) -> Message:
    """The smallest request of its kind that is looked at at all."""
    message: Message = GetMessageClass(descriptor)()
    fill_required(message)
    return message


def fill_required(message: Message) -> None:
    """Give each required text of a message, and of what is set in it, a value."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            rule = text_rule(field, False)
            if rule.required and not getattr(message, field.name):
                setattr(message, field.name, _WORDS.get(rule.form, "x"))
