"""Estimates, intervals and tests, on numpy alone."""
