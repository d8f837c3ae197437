"""Which format to ship, within limits, with the reasons."""
