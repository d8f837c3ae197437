"""What becomes of jobs, entries, leases and devices, in SQL."""
