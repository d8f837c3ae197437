"""What was said of runs and which of them are shipped: only ever appended, in SQL."""
