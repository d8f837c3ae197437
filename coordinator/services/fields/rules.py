"""The one table of what a field of a request may hold; pure data.

A field is looked up by its message and name, then by its name alone, then by the end of its name
(``_unix_ns`` and the like), and else it has what its type has: so a new field is bounded before
anybody thought of it. Bounds that depend on other fields, or that need words of their own, are
beside the decision that they are about (`decisions.submission`).

No field may hold a number that is not finite. One that should would say so here, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from bitgauge.benchmarks.common.digests import MAX_DIGESTS_PER_CALL
from bitgauge.benchmarks.refresh import bounds
from bitgauge.benchmarks.vocabulary.values.calibration import MAX_PREPROCESSING, MAX_STRATA

from ...decisions.submission import (
    LONGEST_DEADLINE_S,
    MAX_MARGIN_PP,
    MAX_PERPLEXITY_MARGIN_PCT,
)

MAX_TEXT = 256
"""Characters of a text of which nothing else is said: a name, a word, a version."""
MAX_SENTENCE = 1000
"""Characters of a note or a reason."""
MAX_AGENT_SENTENCE = 4000
"""Characters of what a device says of a failure; the rest is cut off."""
MAX_LOG = 16_384
"""Characters of the last lines of a child's log; the first ones are cut off."""
MAX_FACT = 4096
"""Characters of one fact of a device or a stack, such as a list of flags."""
MAX_SECRET_BYTES = 64
MAX_REQUEST_PEM_BYTES = 16 * 1024
MAX_CHUNK_BYTES = 1 << 20
MAX_ITEMS = 256
"""Items of a list of which nothing else is said."""
MAX_FLAGS = 1024
"""Instruction-set flags of a device."""
MAX_FACTS = 1024
"""Facts of a device, a runtime or a run."""
MAX_RUNTIMES = 64
MAX_INTENTS = 4096
"""Runs that an agent began and never reported."""
MAX_RAW_REFS = 4096
"""Raw files of one run."""
MAX_NUMBER = 1 << 53
"""Beyond, a number is no longer exact in everything that reads it."""
MAX_SIZE_BYTES = 1 << 48
MAX_UNIX_S = 7_258_118_400
"""The year 2200."""
LONGEST_WAIT_MS = 3_600_000
LONGEST_HOLD_MS = 86_400_000
LONGEST_LIFE_S = 20 * 365 * 86_400
MAX_PRIORITY = 1_000_000
MAX_ATTEMPTS = 1000
MAX_SAMPLES = 1_000_000
"""Of a calibration set, as `benchmarks.quality.sets` takes them."""
MAX_LISTED = 1000
"""Jobs or campaigns of one answer."""


class Form(Enum):
    """How a text has to look."""

    LINE = "line"
    """From people: a hidden character is refused."""
    FACT = "fact"
    """From a program: hidden characters are shown as escapes, and what is too long is cut."""
    LINES = "lines"
    """The same with line breaks; of what is too long the end stays."""
    UUID = "uuid"
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most `longest` characters; a required one is not empty."""

    longest: int = MAX_TEXT
    form: Form = Form.LINE
    required: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` to `most`, both taken."""

    least: float = 0
    most: float = MAX_NUMBER


@dataclass(frozen=True, slots=True)
class Data:
    """At most so many bytes."""

    most: int = MAX_SECRET_BYTES


@dataclass(frozen=True, slots=True)
class Rules:
    """What the fields of the contract may hold, by ``Message.field`` or by field name."""

    texts: dict[str, Text] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


_SIGNED = Number(-MAX_NUMBER, MAX_NUMBER)
_ID = Text(36, Form.UUID, required=True)

RULES = Rules(
    texts={
        # Who and what a request is about. Where people may type the beginning of an id, or the
        # name of a file, it is a text as any other.
        "Digest.sha256": Text(64, Form.SHA256, required=True),
        "DeviceDescription.device_id": _ID,
        "JoinRequest.device_id": _ID,
        "AcquireRequest.device_id": _ID,
        "RegisterRequest.incarnation": Text(64, required=True),
        "RegisterRequest.host": Text(MAX_TEXT, Form.FACT),
        "RenewRequest.job_id": _ID,
        "RunReport.run_id": _ID,
        "RunReport.job_id": _ID,
        "RunReport.device_id": _ID,
        "DeviceDescription.name": Text(required=True),
        "RenameDeviceRequest.name": Text(required=True),
        "SetAliasRequest.alias": Text(required=True),
        "UseCase.name": Text(required=True),
        "RuleVerdict.why": Text(MAX_SENTENCE),
        "MoveAliasRequest.alias": Text(required=True),
        "NoteUngatedRequest.reason": Text(MAX_SENTENCE, required=True),
        "DecideVerdictRequest.by": Text(required=True),
        "DecideVerdictRequest.reason": Text(MAX_SENTENCE, required=True),
        "SetScheduleRequest.name": Text(required=True),
        "CreateTokenRequest.name": Text(required=True),
        "AddCalibrationSetRequest.name": Text(required=True),
        "AddCalibrationSetRequest.source": Text(MAX_SENTENCE, required=True),
        "AddCalibrationSetRequest.preprocessing": Text(MAX_PREPROCESSING),
        # What people write.
        "reason": Text(MAX_SENTENCE),
        "note": Text(MAX_SENTENCE),
        # What agents say: a result is never lost for its words.
        "StackItem.value": Text(MAX_FACT),
        "MeterDescription.reason": Text(MAX_FACT, Form.FACT),
        "RuntimeOption.words": Text(MAX_FACT, Form.FACT),
        "Progress.recipe": Text(MAX_TEXT, Form.FACT),
        "Progress.step": Text(MAX_TEXT, Form.FACT),
        "Failure.code": Text(MAX_TEXT, Form.FACT),
        "Failure.message": Text(MAX_AGENT_SENTENCE, Form.FACT),
        "Failure.advice": Text(MAX_AGENT_SENTENCE, Form.FACT),
        "Failure.log_tail": Text(MAX_LOG, Form.LINES),
    },
    numbers={
        "_unix_ns": Number(0, MAX_UNIX_S * 10**9),
        "_bytes": Number(0, MAX_SIZE_BYTES),
        "deadline_s": Number(0, LONGEST_DEADLINE_S),
        "wait_ms": Number(0, LONGEST_WAIT_MS),
        "hold_for_ms": Number(0, LONGEST_HOLD_MS),
        "lifetime_s": Number(0, LONGEST_LIFE_S),
        "priority": Number(-MAX_PRIORITY, MAX_PRIORITY),
        "accuracy_margin_pp": Number(0, MAX_MARGIN_PP),
        "perplexity_margin_pct": Number(0, MAX_PERPLEXITY_MARGIN_PCT),
        "fraction": Number(0, 1),
        "confidence": Number(0, 1),
        "max_accuracy_loss_pp": Number(-MAX_MARGIN_PP, MAX_MARGIN_PP),
        "AddCalibrationSetRequest.samples": Number(1, MAX_SAMPLES),
        "attempts": Number(0, MAX_ATTEMPTS),
        "limit": Number(0, MAX_LISTED),
        "ReadRequest.limit": Number(0, MAX_SIZE_BYTES),
        "GateRule.limit": Number(),
        "RuleVerdict.limit": Number(),
        "RuleVerdict.value": _SIGNED,
        "RuleVerdict.low": _SIGNED,
        "RuleVerdict.high": _SIGNED,
        "offset": Number(0, MAX_SIZE_BYTES),
    },
    data={
        "csr_pem": Data(MAX_REQUEST_PEM_BYTES),
        "WriteRequest.data": Data(MAX_CHUNK_BYTES),
    },
    counts={
        "isa_flags": MAX_FLAGS,
        "stack": MAX_FACTS,
        "versions": MAX_FACTS,
        "kernel_modes": MAX_FACTS,
        "anchors": MAX_FACTS,
        "evidence": MAX_FACTS,
        "runtimes": MAX_RUNTIMES,
        "open_intents": MAX_INTENTS,
        "RunReport.raw": MAX_RAW_REFS,
        "digests": MAX_DIGESTS_PER_CALL,
        "strata": MAX_STRATA,
        "Suite.models": bounds.MAX_MODELS,
        "Suite.volumes": bounds.MAX_VOLUMES,
        "RefreshOrder.only": bounds.MAX_ONLY,
    },
)

OF_AGENTS = frozenset({"RegisterRequest", "RenewRequest", "ReportRequest"})
"""Requests in which a program speaks: their texts are cleaned where people's are refused."""
