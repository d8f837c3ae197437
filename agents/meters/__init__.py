"""One module per meter, found by file name."""
