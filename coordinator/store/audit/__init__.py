"""Who did what: append-only, each entry in the transaction of what it tells of."""
