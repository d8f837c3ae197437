"""One module per device kind, found by file name."""
