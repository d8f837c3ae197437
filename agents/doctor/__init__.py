"""What of this machine stands in the way of good numbers, and the command that mends it."""
