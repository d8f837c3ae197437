"""The passes that a child can measure, one per file; `base` says what they share."""
