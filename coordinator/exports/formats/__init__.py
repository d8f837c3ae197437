"""One file per format in which the table and records leave the lab, found by file name."""
