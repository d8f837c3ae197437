"""What a model file is, looked at and never run."""
