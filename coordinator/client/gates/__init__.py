"""Calls to Gates, and the answers of two runs against each other."""
