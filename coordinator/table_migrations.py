"""How the table is kept so that questions read little; a step of the schema."""

from __future__ import annotations

# Rows as cells and selections read them, with the metrics that decide, a third as long; whole rows
# stand apart. A lab asks for one model on one device.
WHOLES = (
    """CREATE TABLE table_wholes (
        row_key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "DROP INDEX table_rows_by_model",
    "CREATE INDEX table_rows_by_model ON table_rows (model_name, device_id, batch)",
    "INSERT OR REPLACE INTO table_inputs (name, value) VALUES ('rebuild', 'whole rows apart')",
)
