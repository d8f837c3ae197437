"""The first and last lines of a process that runs an artifact."""
