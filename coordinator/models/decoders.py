"""What the files of one job must be to each other when the model is a language model. Pure."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from .base import ModelFacts

NOT_RUN_HERE = "tokenizer and vocabulary are the baseline's; a language model runs on devices alone"
"""What is said of how a further form of a language model agrees with its baseline."""


def require_scenario(facts: ModelFacts, workload: Workload, label: str) -> None:
    """Refuse a language model outside scenario `llm`, anything else in it, and what does not fit.

    Raises:
        BadInput: BAD_ARGUMENT.
    """
    decoder = facts.decoder
    if decoder is None:
        if workload.is_llm:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"{label} is no language model, and scenario llm measures nothing else; measure it"
                " with another scenario.",
            )
        return
    if not workload.is_llm:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{label} is a language model, which is measured in scenario llm; the job asks for"
            f" {workload.scenario.value}.",
        )
    wanted = workload.prompt_tokens + workload.generated_tokens
    if 0 < decoder.context_tokens < wanted:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{workload.prompt_tokens} tokens of a prompt and {workload.generated_tokens} generated"
            f" ones do not fit {label}, which holds {decoder.context_tokens}.",
        )


def require_stands_in(baseline: ModelFacts, artifact: ModelFacts, label: str) -> None:
    """Refuse an artifact whose tokens are not those of its language model.

    Raises:
        BadInput: BAD_MODEL naming `label` and what differs.
    """
    wanted, given = baseline.decoder, artifact.decoder
    if wanted is None or given is None:
        what = "no language model, and its baseline is one"
        other = "a language model, and its baseline is none"
        raise _differs(f"{label} is {what if given is None else other}.")
    if given.vocabulary != wanted.vocabulary:
        raise _differs(
            f"{label} knows {given.vocabulary} tokens and its baseline {wanted.vocabulary}; both"
            " have to be made from one model."
        )
    if _others(wanted.tokenizer_sha256, given.tokenizer_sha256):
        raise _differs(
            f"The tokens of {label} have other texts than those of its baseline; both have to be"
            " made from one model."
        )


def _others(one: str, other: str) -> bool:
    """Whether two tokenizers differ; one that nobody told may be any."""
    return bool(one and other and one != other)


def _differs(sentence: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, sentence)
