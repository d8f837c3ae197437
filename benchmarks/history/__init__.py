"""How a row changed, and what became worse."""
