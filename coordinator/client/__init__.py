"""Whoever answers: a coordinator, a database file, an exported table."""
