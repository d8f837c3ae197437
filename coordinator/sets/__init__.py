"""Evaluation and calibration sets made of files that people have."""
