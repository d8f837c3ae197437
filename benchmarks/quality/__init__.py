"""Evaluation and calibration sets, and accuracy by non-inferiority."""
