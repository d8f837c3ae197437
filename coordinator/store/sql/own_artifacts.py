"""The step that tells the files of owners apart: a file has a name, what is built here has none.

Until then a row was of a recipe, and of several files of one recipe the table kept one. Rows and
cells are made anew from the runs, with the same digits; `past.own_artifacts` moves what was
accepted of such a row, and what became worse in it, to the rows that it has become.
"""

from __future__ import annotations

MOVE = "move what was said of rows to the files that they are of"
"""Stands in `table_inputs` until that is done."""

_NAMES_DIFFER = """EXISTS (SELECT 1 FROM json_each(jobs.spec, '$.entries') asked
    JOIN entries e ON e.job_id = jobs.job_id AND e.entry_index = asked.key
    WHERE e.name <> coalesce(json_extract(asked.value, '$.name'), ''))"""

STEP = (
    # A file that came without a name: what it is called elsewhere, or by its digest. What a build
    # made is no file of an owner's, also where a later job names it.
    """UPDATE entries SET name = coalesce(
        (SELECT max(other.name) FROM entries other
         WHERE other.artifact_sha256 = entries.artifact_sha256 AND other.name <> ''),
        substr(artifact_sha256, 1, 8))
       WHERE name = '' AND artifact_sha256 IS NOT NULL
         AND artifact_sha256 <> (SELECT j.baseline_sha256 FROM jobs j
                                 WHERE j.job_id = entries.job_id)
         AND (SELECT json_type(j.spec, '$.entries[' || entries.entry_index || '].artifact')
              FROM jobs j WHERE j.job_id = entries.job_id) = 'object'
         AND NOT EXISTS (SELECT 1 FROM builds b
                         WHERE b.artifact_sha256 = entries.artifact_sha256)""",
    # A job that is measured once more is read from what was asked.
    f"""UPDATE jobs SET spec = json_set(spec, '$.entries', (
        SELECT json_group_array(json(json_set(asked.value, '$.name', (
            SELECT e.name FROM entries e
            WHERE e.job_id = jobs.job_id AND e.entry_index = asked.key))))
        FROM (SELECT key, value FROM json_each(jobs.spec, '$.entries') ORDER BY key) asked))
        WHERE {_NAMES_DIFFER}""",  # noqa: S608 (a text of ours)
    f"""INSERT OR REPLACE INTO table_inputs (name, value)
        VALUES ('rebuild', 'rows are of files'), ('{MOVE}', '')""",  # noqa: S608
)
