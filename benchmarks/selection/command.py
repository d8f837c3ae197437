"""What to type next: the command that would measure what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import ON, WITH


def run_command(
    query: SelectQuery,
    recipes: Sequence[str],
    *,
    files: Sequence[str] = (),
    thorough: bool = False,
) -> str:
    """The command that would measure recipes and files, of those labels, for the query's workload.

    File names in capitals are the reader's own.
    """
    # What saturates is measured in exact mode without being asked for.
    spelled = [recipe.partition(WITH)[0].partition(ON) for recipe in recipes]
    # One command is about one runtime: what the others build is asked for by the next one.
    runtime = spelled[0][2] if spelled else ""
    recipes = list(dict.fromkeys(recipe for recipe, _, what in spelled if what == runtime))
    named = [shlex.quote(f"{label}=FILE") for label in dict.fromkeys(files)]
    workload = query.workload
    model = "MODEL.gguf" if workload.is_llm else "MODEL.onnx"
    parts = ["bitgauge run", *named, f"--baseline {model}", "--eval EVALUATION.npz"]
    if not workload.is_llm and any(recipe == "all" or "static" in recipe for recipe in recipes):
        parts.append("--calibration CALIBRATION.npz")
    if recipes:
        parts.append(f"--recipes {','.join(recipes)}")
    if runtime:
        parts.append(f"--runtime {runtime}")
    if query.model_name:
        parts.append(f"--name {query.model_name}")
    parts.append(f"--model-class {query.model_class.value}")
    parts.append(f"--on class:{query.hardware_class.value}")
    if workload.is_llm:
        tokens = f"--prompt-tokens {workload.prompt_tokens} --generate {workload.generated_tokens}"
        parts.append(f"--scenario llm {tokens}")
    else:
        parts.append(f"--batch {workload.batch}")
    if query.workload.threads != 1:
        parts.append(f"--threads {query.workload.threads}")
    if thorough:
        parts.append("--profile standard")
    return " ".join(parts)
