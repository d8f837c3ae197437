"""From raw files to published numbers, one file per metric group."""
