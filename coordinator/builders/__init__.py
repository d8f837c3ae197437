"""One module per kind of recipe, found by file name; `registry` is what callers use."""
