"""What is kept of the past: series, regressions, annotations, alerts, in SQL."""
