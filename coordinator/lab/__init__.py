"""The coordinator at work: jobs taken, leases, builds, analyses, care, campaigns, alerts."""
