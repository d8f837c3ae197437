"""Who is let in: roles, tokens, CA, join lines."""
