"""Values walked through: numbers that are none, and texts that may not be printed."""
