"""What survives a power cut: identity, cache, spool, room on the disk."""
