"""One module per recipe builder, found by file name."""
