"""How people name what they mean: ids and digests by their beginning, the rest by its name.

A label, a file name and an id are told apart by where they are looked for, never by their look.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.devices import NamedDevice, meant
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from .database import fetch, reading, texts

ARTIFACT = """? IN (e.name, substr(e.artifact_sha256, 1, 8), e.artifact_sha256)
    AND e.artifact_sha256 <> j.baseline_sha256"""
"""A clause over entries and jobs: the artifact of that label, short or whole digest."""

RECIPE = "? IN (e.recipe, e.name, substr(e.artifact_sha256, 1, 8), e.artifact_sha256)"
"""A clause over entries: of that recipe, or the one artifact that is named."""

OF_DEVICES = "d.device_id IN (SELECT value FROM json_each(?))"
"""A clause over devices: one of `device_ids`."""

_CERTIFICATES = "SELECT 1 FROM certificates c WHERE c.device_id = coalesce(d.agent_id, d.device_id)"

LIVING = f"""(d.retired_unix_ns IS NULL AND (NOT EXISTS ({_CERTIFICATES})
    OR EXISTS ({_CERTIFICATES} AND c.revoked_unix_ns IS NULL)))"""
"""A clause over devices: neither retired nor revoked."""

_BEGINNING = re.compile(r"[0-9a-f][0-9a-f-]{3,35}")
_WHOLE = 36


@reading("reading runs")
def run_ids(connection: sqlite3.Connection, beginning: str) -> tuple[str, ...]:
    """Three at most of the runs whose ids begin so."""
    sql = "SELECT run_id FROM runs WHERE run_id GLOB ? ORDER BY run_id LIMIT 3"
    return texts(connection, sql, (f"{beginning}*",))


def run_named(connection: sqlite3.Connection, word: str) -> str:
    """The id of a run: the whole of it, its beginning, or the artifact that it measured last.

    Raises:
        NotFound: `UNKNOWN_RUN`.
        BadInput: `BAD_ARGUMENT`, it names several.
    """
    found = _beginning(connection, "SELECT run_id FROM runs", "run_id", word, "runs")
    if found is None:
        newest = f"""SELECT r.run_id FROM runs r
            JOIN jobs j ON j.job_id = r.job_id
            JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
            WHERE r.disposition = 'accepted' AND {ARTIFACT}
            ORDER BY r.position DESC LIMIT 1"""  # noqa: S608 (a text of ours)
        found = next(iter(texts(connection, newest, (word,))), None)
    if found is None:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {word}.")
    return found


def job_named(connection: sqlite3.Connection, word: str, *, by_artifact: bool = True) -> str:
    """The id of a job: the whole of it, its beginning, or an artifact that it measures.

    Args:
        connection: to read.
        word: what was typed.
        by_artifact: whether the newest job of an artifact is meant too; who ends a job names it.

    Raises:
        NotFound: `UNKNOWN_JOB`.
        BadInput: `BAD_ARGUMENT`, it names several.
    """
    found = _beginning(connection, "SELECT job_id FROM jobs", "job_id", word, "jobs")
    if found is None and by_artifact:
        newest = f"""SELECT j.job_id FROM jobs j JOIN entries e ON e.job_id = j.job_id
            WHERE {ARTIFACT} ORDER BY j.position DESC LIMIT 1"""  # noqa: S608 (a text of ours)
        found = next(iter(texts(connection, newest, (word,))), None)
    if found is None:
        raise NotFound(Code.UNKNOWN_JOB, f"There is no job {word}.")
    return found


def devices_meant(connection: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """The ids of the devices that a word names: an id, a name or an alias; mostly one."""
    found = fetch(
        connection,
        f"""SELECT device_id, name, {LIVING} AS living, EXISTS (SELECT 1 FROM device_aliases a
              WHERE a.device_id = d.device_id AND a.alias = ?1) AS by_alias
            FROM devices d WHERE ?1 IN (device_id, name) OR by_alias""",  # noqa: S608 (ours)
        (word,),
    )
    known = [
        NamedDevice(
            *(row["device_id"], row["name"], bool(row["living"])),
            aliases=(word,) if row["by_alias"] else (),
        )
        for row in found
    ]
    return meant(word, known)


def device_ids(connection: sqlite3.Connection, word: str | None) -> str | None:
    """What `OF_DEVICES` takes: the devices that a word names, mostly one; None for no word."""
    if word is None:
        return None
    return msgspec.json.encode(devices_meant(connection, word)).decode()


def kept(
    connection: sqlite3.Connection, query: TableQuery, rows: Iterable[TableRow]
) -> tuple[TableRow, ...]:
    """The rows that match, where a device may be named by an alias too."""
    if query.device is None:
        return tuple(row for row in rows if matches(query, row))
    ids, others = devices_meant(connection, query.device), replace(query, device=None)
    return tuple(row for row in rows if row.device_id in ids and matches(others, row))


@reading("reading devices")
def device_named(connection: sqlite3.Connection, word: str) -> str:
    """The id of the device with this id, else of the living one of this name, else of one before.

    Raises:
        NotFound: `UNKNOWN_DEVICE`.
        BadInput: `BAD_ARGUMENT`, several have had the name.
    """
    found = devices_meant(connection, word)
    if not found:
        raise NotFound(Code.UNKNOWN_DEVICE, f"No device is named {word!r}.")
    if len(found) > 1:
        ids = ", ".join(found)
        raise BadInput(
            Code.BAD_ARGUMENT, f"Several devices are named {word!r}; give one of the ids: {ids}."
        )
    return found[0]


def _beginning(
    connection: sqlite3.Connection, sql: str, column: str, word: str, what: str
) -> str | None:
    """The one id that is `word`, or begins with it; None when there is none."""
    whole = texts(connection, f"{sql} WHERE {column} = ?", (word,))
    if whole or not _BEGINNING.fullmatch(word) or len(word) == _WHOLE:
        return next(iter(whole), None)
    found = texts(connection, f"{sql} WHERE {column} GLOB ? LIMIT 3", (f"{word}*",))
    if len(found) > 1:
        raise BadInput(Code.BAD_ARGUMENT, f"Several {what} begin with {word!r}; give more of it.")
    return next(iter(found), None)
