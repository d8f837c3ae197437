"""Verdicts, known issues and artifacts in words; pure."""
