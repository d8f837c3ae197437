"""Whether a calibration set stands for what a model will see, before anything is built on it."""
