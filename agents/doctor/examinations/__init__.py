"""One thing of a machine each, found by the name of its file."""
