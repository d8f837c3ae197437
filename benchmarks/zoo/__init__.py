"""Reference models trained on real data, with their calibration and evaluation sets."""
