"""The Enrolment service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.protos.v1 import agent_pb2 as pb
from bitgauge.protos.v1 import agent_pb2_grpc

from ..access.access import caller
from ..access.administration import Administration


@dataclass(eq=False)
class EnrolmentService(agent_pb2_grpc.EnrolmentServicer):
    """What a device calls to get its certificates."""

    administration: Administration

    async def Join(self, request: pb.JoinRequest, context: Any) -> pb.JoinResponse:
        joined = await self.administration.join(
            request.join_token, request.csr_pem, request.device_id, request.name
        )
        gateway = self.administration.gateway
        assert gateway is not None, "nobody joins without it"
        return pb.JoinResponse(
            certificate_pem=joined.issued.pem,
            ca_pem=gateway.authority.pem,
            agent_token=joined.token,
            expires_unix_ns=joined.issued.record.expires_unix_ns,
            agent_port=gateway.agent_port,
        )

    async def RenewCertificate(
        self, request: pb.RenewCertificateRequest, context: Any
    ) -> pb.RenewCertificateResponse:
        who = caller()
        if who.device_id is None:
            raise BadInput(Code.FORBIDDEN, "This agent has no certificate that could be renewed.")
        issued = await self.administration.renew_certificate(
            who.device_id, who.name, request.csr_pem
        )
        return pb.RenewCertificateResponse(
            certificate_pem=issued.pem, expires_unix_ns=issued.record.expires_unix_ns
        )
