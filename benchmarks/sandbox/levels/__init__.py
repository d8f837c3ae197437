"""One file per level of confinement, found by file name."""
