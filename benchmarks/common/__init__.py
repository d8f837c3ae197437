"""What both ends stand on and is no science: wire, ids, digests, durable files, join line."""
