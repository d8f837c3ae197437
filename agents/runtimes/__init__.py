"""One module per runtime, found by file name."""
