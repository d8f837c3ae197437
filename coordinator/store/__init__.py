"""The memory of record: SQLite and content-addressed files."""
