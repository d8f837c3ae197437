"""What may happen: transition tables, scheduler, submission, care, campaigns, regressions."""
