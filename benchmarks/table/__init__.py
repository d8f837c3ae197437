"""Rows, cells, gate, staleness, priors, and the table as one file."""
