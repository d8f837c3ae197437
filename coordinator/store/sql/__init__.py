"""Connection, schema, and rows to values and back."""
