"""The process on the device: connection, cache, spool, executor, child worker."""
