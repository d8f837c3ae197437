"""The step after schema 14: entries and builds say what executes them, and of what kind they are.

Until then there was one runtime for a whole job, and a device did not say what its runtimes take
and have. What was known of those that there were is written down for them here.
"""

from __future__ import annotations

import json

_KIND = "CASE runtime WHEN 'fake' THEN 'fake' ELSE 'onnx' END"

_SAID = {
    "onnxruntime": {
        "artifact_kinds": ["onnx"],
        "options": [
            {
                "name": "session.x64quantprecision",
                "values": ["1"],
                "words": "exact, about 1.2 times slower",
            }
        ],
        "exact_options": [{"name": "session.x64quantprecision", "value": "1"}],
        "capabilities": ["graph", "profile", "kernels", "anchors", "sentinel", "arena"],
    },
    "fake": {"artifact_kinds": ["fake"], "capabilities": ["kernels", "sentinel"]},
}
"""What each runtime says of itself today, as the description of a device holds it."""


def _with_traits() -> str:
    """The runtimes of a device, each patched with what it says of itself."""
    cases = " ".join(
        f"WHEN '{name}' THEN json_patch(value, '{json.dumps(said)}')"
        for name, said in _SAID.items()
    )
    return f"""UPDATE devices SET description = json_set(description, '$.runtimes', (
        SELECT json_group_array(json(
            CASE json_extract(value, '$.name') {cases} ELSE value END))
        FROM json_each(description, '$.runtimes')))
        WHERE json_type(description, '$.runtimes') = 'array'"""  # noqa: S608 (all of it is ours)


STEP = (
    "ALTER TABLE entries ADD COLUMN runtime TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE entries ADD COLUMN artifact_kind TEXT NOT NULL DEFAULT ''",
    """UPDATE entries SET runtime =
        (SELECT j.runtime FROM jobs j WHERE j.job_id = entries.job_id)""",
    f"UPDATE entries SET artifact_kind = {_KIND}",  # noqa: S608 (a text of ours)
    # A job that is asked for once more under its idempotency key is compared as a whole.
    f"""UPDATE jobs SET spec = json_set(spec, '$.entries', (
        SELECT json_group_array(json(json_set(value, '$.runtime', jobs.runtime,
                                              '$.artifact_kind', {_KIND})))
        FROM (SELECT value FROM json_each(jobs.spec, '$.entries') ORDER BY key)))
        WHERE json_type(spec, '$.entries') = 'array'""",  # noqa: S608
    "ALTER TABLE builds RENAME TO builds_before",
    "DROP INDEX builds_by_artifact",
    """CREATE TABLE builds (
        model_sha256 TEXT NOT NULL,
        model_size_bytes INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        calibration_sha256 TEXT NOT NULL,
        calibration_size_bytes INTEGER NOT NULL,
        toolchain TEXT NOT NULL,
        runtime TEXT NOT NULL,
        artifact_kind TEXT NOT NULL,
        artifact_sha256 TEXT,
        artifact_size_bytes INTEGER,
        unsupported TEXT,
        made_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (model_sha256, model_size_bytes, recipe, calibration_sha256,
                     calibration_size_bytes, toolchain, runtime, artifact_kind)
    ) STRICT, WITHOUT ROWID""",
    # A reference is built for no runtime.
    """INSERT INTO builds SELECT model_sha256, model_size_bytes, recipe, calibration_sha256,
           calibration_size_bytes, toolchain, iif(recipe = 'reference', '', 'onnxruntime'),
           iif(recipe = 'reference', '', 'onnx'), artifact_sha256, artifact_size_bytes, unsupported,
           made_unix_ns
       FROM builds_before""",
    "DROP TABLE builds_before",
    "CREATE INDEX builds_by_artifact ON builds (artifact_sha256)",
    _with_traits(),
)
