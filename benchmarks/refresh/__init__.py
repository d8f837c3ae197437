"""What to measure next: suites, targets, plan, and the diff at the end."""
