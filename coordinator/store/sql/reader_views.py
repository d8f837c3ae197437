"""Views for people who read the database with SQL, as Datasette does; a part of the schema.

Every column is a plain value with its unit in its name, `_utc` being ISO 8601. What a JSON column
holds in the tables stands here in columns, and every id leads to another view. Views decide
nothing: a cell and a row show what `table_rows` and `cells` say, which the store keeps up.
`deploy/datasette/metadata.yaml` describes each column.
"""

# ruff: noqa: S608 (every part of these statements stands in this file)

from __future__ import annotations


def _utc(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {column} / 1000000000, 'unixepoch')"


def _metric(key: str, column: str = "value") -> str:
    """A number of the run that a row shows."""
    return f"(SELECT m.{column} FROM metrics m WHERE m.run_id = t.run_id AND m.key = '{key}')"


def _pooled(key: str, field: str = "value") -> str:
    """A number of the best recipe of a cell."""
    return (
        f"(SELECT json_extract(m.value, '$.{field}') FROM json_each(c.value, '$.best.metrics') m"
        f" WHERE json_extract(m.value, '$.key') = '{key}')"
    )


_DEVICES = f"""CREATE VIEW v_devices AS
SELECT device_id, name AS device_name,
       (SELECT group_concat(a.alias, ', ') FROM device_aliases a
        WHERE a.device_id = devices.device_id) AS aliases, hardware_class, realness,
       json_extract(description, '$.processor_model') AS processor_model,
       json_extract(description, '$.core_count') AS cores,
       json_extract(description, '$.memory_bytes') / 1048576.0 AS memory_mib,
       json_extract(description, '$.architecture') AS architecture,
       json_extract(description, '$.kernel_release') AS kernel_release,
       json_extract(description, '$.virtualisation') AS virtualisation,
       agent_version, health, cordoned, {_utc("retired_unix_ns")} AS retired_utc,
       {_utc("last_seen_unix_ns")} AS last_seen_utc
FROM devices"""

_RUNTIMES = """CREATE VIEW v_runtimes AS
SELECT d.device_id, d.name AS device_name, json_extract(r.value, '$.name') AS runtime,
       json_extract(r.value, '$.version') AS version,
       json_extract(r.value, '$.fingerprint') AS fingerprint,
       json_extract(r.value, '$.simulated') AS simulated
FROM devices d, json_each(d.description, '$.runtimes') r"""

_JOBS = f"""CREATE VIEW v_jobs AS
SELECT j.job_id, j.state, j.model_name, j.model_class, j.runtime, j.scenario, j.batch, j.threads,
       j.prompt_tokens, j.generated_tokens,
       j.profile, j.priority,
       (SELECT count(*) FROM entries e WHERE e.job_id = j.job_id) AS entries,
       (SELECT count(*) FROM entries e WHERE e.job_id = j.job_id AND e.state = 'accepted')
           AS entries_measured,
       (SELECT count(*) FROM entries e WHERE e.job_id = j.job_id AND e.state = 'failed')
           AS entries_failed,
       (SELECT count(*) FROM leases l WHERE l.job_id = j.job_id) AS claims,
       (SELECT d.name FROM leases l JOIN devices d ON d.device_id = l.device_id
        WHERE l.job_id = j.job_id ORDER BY l.epoch DESC LIMIT 1) AS device_name,
       {_utc("j.submitted_unix_ns")} AS submitted_utc, {_utc("j.ended_unix_ns")} AS ended_utc,
       (j.ended_unix_ns - j.first_leased_unix_ns) / 60e9 AS leased_to_ended_minutes,
       j.submitted_by, j.suspect, j.reason,
       EXISTS (SELECT 1 FROM health_checks h WHERE h.job_id = j.job_id) AS is_health_check
FROM jobs j"""

_RUNS = f"""CREATE VIEW v_runs AS
SELECT r.run_id, r.job_id, r.entry_index, r.epoch, j.model_name, j.model_class, e.recipe, e.family,
       j.scenario, j.batch, j.threads,
       j.prompt_tokens, j.generated_tokens, j.profile, e.runtime, l.hardware_class, l.realness,
       r.device_id, d.name AS device_name, r.status, r.disposition,
       {_utc("r.started_unix_ns")} AS started_utc, {_utc("r.ended_unix_ns")} AS ended_utc,
       (r.ended_unix_ns - r.started_unix_ns) / 1e9 AS duration_s,
       r.sandbox, r.attempts, r.fingerprint, r.measuring_version, r.analysis_version,
       json_extract(coalesce(r.failure, r.analysis_failure), '$.group') AS failure_group,
       json_extract(coalesce(r.failure, r.analysis_failure), '$.code') AS failure_code,
       json_extract(coalesce(r.failure, r.analysis_failure), '$.message') AS failure_message
FROM runs r
JOIN jobs j ON j.job_id = r.job_id
JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
JOIN leases l ON l.job_id = r.job_id AND l.epoch = r.epoch
JOIN devices d ON d.device_id = r.device_id"""

_METRICS = f"""CREATE VIEW v_metrics AS
SELECT m.run_id, m.key, m.value, m.low, m.high, m.unit, m.n, m.reason, m.verdict, m.difference,
       m.flags, m.definition, j.model_name, e.recipe, j.scenario, j.batch, j.threads,
       j.prompt_tokens, j.generated_tokens, j.profile,
       e.runtime, d.name AS device_name, r.disposition, {_utc("r.ended_unix_ns")} AS measured_utc
FROM metrics m
JOIN runs r ON r.run_id = m.run_id
JOIN jobs j ON j.job_id = r.job_id
JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
JOIN devices d ON d.device_id = r.device_id"""

_ROWS = f"""CREATE VIEW v_rows AS
SELECT t.row_key, t.model_class, t.hardware_class, t.family, t.scenario, t.batch, t.threads,
       t.prompt_tokens, t.generated_tokens,
       t.model_name, t.recipe, t.label, t.artifact_sha256, t.device_name, t.runtime, t.profile,
       t.state, t.reason,
       {_metric("size_bytes")} / 1024.0 AS size_kib, {_metric("size_ratio")} AS size_ratio,
       {_metric("latency_p50_ns")} / 1000.0 AS latency_p50_us,
       {_metric("latency_p99_ns")} / 1000.0 AS latency_p99_us,
       {_metric("latency_ratio")} AS latency_ratio,
       {_metric("latency_ratio", "low")} AS latency_ratio_low,
       {_metric("latency_ratio", "high")} AS latency_ratio_high,
       {_metric("latency_ratio", "verdict")} AS latency_verdict,
       {_metric("throughput_per_s")} AS throughput_samples_per_s,
       {_metric("peak_memory_bytes")} / 1048576.0 AS peak_memory_mib,
       {_metric("peak_memory_ratio")} AS peak_memory_ratio,
       {_metric("energy_mj")} AS energy_mj, {_metric("energy_mj", "reason")} AS energy_null_reason,
       {_metric("accuracy_pct")} AS accuracy_pct,
       {_metric("accuracy_delta_pp")} AS accuracy_delta_pp,
       {_metric("accuracy_delta_pp", "low")} AS accuracy_delta_low_pp,
       {_metric("accuracy_delta_pp", "high")} AS accuracy_delta_high_pp,
       {_metric("accuracy_delta_pp", "verdict")} AS accuracy_verdict,
       {_metric("saturated_pct")} AS saturated_pct,
       {_metric("ttft_ns")} / 1e3 AS first_token_us, {_metric("tpot_ns")} / 1e3 AS per_token_us,
       {_metric("decode_tokens_per_s")} AS tokens_per_s, {_metric("tpot_ratio")} AS per_token_ratio,
       {_metric("perplexity")} AS perplexity, {_metric("perplexity_ratio")} AS perplexity_ratio,
       {_metric("perplexity_ratio", "verdict")} AS perplexity_verdict,
       t.kernel_mode, t.flags, t.changes, t.fingerprint, t.toolchain, t.measuring_version,
       t.run_id, t.job_id, t.measured_utc
FROM (
    SELECT s.row_key, s.model_class, s.hardware_class, s.family, s.scenario, s.batch, s.threads,
       s.prompt_tokens, s.generated_tokens,
           s.model_name, s.recipe, json_extract(s.value, '$.label') AS label,
           json_extract(s.value, '$.artifact.sha256') AS artifact_sha256,
           d.name AS device_name, s.runtime,
           json_extract(s.value, '$.profile') AS profile,
           CASE WHEN json_extract(s.value, '$.state') = 'measured' AND s.changes <> '[]'
                THEN 'stale' ELSE json_extract(s.value, '$.state') END AS state,
           json_extract(s.value, '$.reason') AS reason,
           json_extract(s.value, '$.kernel_mode') AS kernel_mode,
           json_extract(s.value, '$.flags') AS flags,
           json_extract(s.value, '$.run_id') AS run_id,
           {_utc("json_extract(s.value, '$.measured_unix_ns')")} AS measured_utc,
           s.changes, s.fingerprint, s.toolchain, s.measuring_version, s.job_id
    FROM table_rows s JOIN devices d ON d.device_id = s.device_id
) t"""

_CELLS = f"""CREATE VIEW v_cells AS
SELECT c.cell_key, c.model_class, c.hardware_class, c.family, c.scenario, c.batch, c.threads,
       c.prompt_tokens, c.generated_tokens,
       json_extract(c.value, '$.state') AS state, json_extract(c.value, '$.recipe') AS best_recipe,
       {_pooled("latency_ratio")} AS latency_ratio,
       {_pooled("latency_ratio", "low")} AS latency_ratio_low,
       {_pooled("latency_ratio", "high")} AS latency_ratio_high,
       {_pooled("latency_ratio", "between_models")} AS latency_spread_models_rel,
       {_pooled("latency_ratio", "between_devices")} AS latency_spread_devices_rel,
       {_pooled("accuracy_delta_pp")} AS accuracy_delta_pp,
       {_pooled("accuracy_delta_pp", "low")} AS accuracy_delta_low_pp,
       {_pooled("accuracy_delta_pp", "high")} AS accuracy_delta_high_pp,
       {_pooled("size_ratio")} AS size_ratio,
       {_pooled("peak_memory_ratio")} AS peak_memory_ratio,
       {_pooled("energy_ratio")} AS energy_ratio,
       {_pooled("saturated_pct")} AS saturated_pct,
       json_extract(c.value, '$.best.pass_rate.passed') AS models_passed,
       json_extract(c.value, '$.best.pass_rate.judged') AS models_judged,
       json_extract(c.value, '$.best.pass_rate.low') AS pass_rate_low,
       json_extract(c.value, '$.best.pass_rate.high') AS pass_rate_high,
       json_array_length(c.value, '$.best.models') AS models,
       json_array_length(c.value, '$.best.devices') AS devices,
       json_array_length(c.value, '$.best.run_ids') AS runs,
       json_extract(c.value, '$.best.kernel_modes') AS kernel_modes,
       json_extract(c.value, '$.best.flags') AS flags,
       json_extract(c.value, '$.best.changes') AS changes,
       {_utc("json_extract(c.value, '$.best.oldest_unix_ns')")} AS oldest_utc,
       {_utc("json_extract(c.value, '$.best.newest_unix_ns')")} AS newest_utc
FROM cells c"""

_CELL_RUNS = """CREATE VIEW v_cell_runs AS
SELECT c.cell_key, json_extract(p.value, '$.recipes[0]') AS recipe, r.value AS run_id
FROM cells c, json_each(c.value, '$.recipes') p, json_each(p.value, '$.run_ids') r"""

_STACK = """CREATE VIEW v_stack AS
SELECT r.run_id, r.device_id, r.fingerprint, json_extract(s.value, '$.name') AS input,
       json_extract(s.value, '$.value') AS value
FROM runs r, json_each(r.stack) s"""

_RAW = """CREATE VIEW v_raw AS
SELECT run_id, position, pass_name, launch, role, sha256, size_bytes / 1024.0 AS size_kib
FROM raw"""

_REGRESSIONS = f"""CREATE VIEW v_regressions AS
SELECT g.regression_id, g.state, g.signal, g.metric,
       json_extract(g.value, '$.row.model_name') AS model_name,
       json_extract(g.value, '$.row.recipe') AS recipe,
       json_extract(g.value, '$.row.workload.batch') AS batch,
       (SELECT d.name FROM devices d
        WHERE d.device_id = json_extract(g.value, '$.row.device_id')) AS device_name,
       json_extract(g.value, '$.row.runtime') AS runtime,
       json_extract(g.value, '$.before.value') AS usual_value,
       json_extract(g.value, '$.bound') AS bound_value,
       json_extract(g.value, '$.after.value') AS found_value,
       json_extract(g.value, '$.sentence') AS sentence,
       json_extract(g.value, '$.changes') AS changes,
       json_extract(g.value, '$.note') AS note,
       {_utc("json_extract(g.value, '$.opened_unix_ns')")} AS opened_utc,
       {_utc("g.changed_unix_ns")} AS changed_utc, g.run_id, g.confirm_job_id,
       a.attempts AS alert_attempts, a.outcome AS alert_outcome
FROM regressions g LEFT JOIN alerts a ON a.regression_id = g.regression_id"""

VIEWS = (
    _DEVICES,
    _RUNTIMES,
    _JOBS,
    _RUNS,
    _METRICS,
    _ROWS,
    _CELLS,
    _CELL_RUNS,
    _STACK,
    _RAW,
    _REGRESSIONS,
)
"""The statements that make them."""
