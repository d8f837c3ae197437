"""A tflite file as plain values, read in one place: by who takes it in and by who executes it."""
